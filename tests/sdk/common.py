"""What the flows of both Python packages share: tiny pictures, reports, and loading results."""

import base64
import json
import pathlib
import struct
import traceback
import urllib.request
import zlib


def png(colour, size=128):
    """The bytes of a square PNG file of one colour."""
    row = b"\0" + bytes(colour) * size

    def chunk(name, data):
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    body = zlib.compress(row * size)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def data_uri(data):
    return "data:image/png;base64," + base64.b64encode(data).decode()


def save(folder, name, url):
    """Writes what lies at `url` into the folder; the file's name."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=60) as answer:
        pathlib.Path(folder, name).write_bytes(answer.read())
    return name


def report(flow, **more):
    print(json.dumps({"flow": flow, **more}), flush=True)


async def run(flow, steps):
    """Runs one flow and reports it, whatever happens."""
    try:
        report(flow, **await steps())
    except Exception as error:  # noqa: BLE001 - any failure is the result
        report(flow, error=f"{type(error).__name__}: {error} {traceback.format_exc()[-300:]}")
