"""The flows with the package `runware`: its WebSocket client."""

import asyncio
import os
import pathlib
import sys

from runware import IImageInference, Runware

import common

_, _, sockets, _, key, folder = [*sys.argv[:2], *sys.argv[2].split(), *sys.argv[3:]]


def request(**more):
    return IImageInference(
        model="local:demo@1", positivePrompt="a red apple", width=128, height=128, steps=2, seed=7,
        outputType="URL", outputFormat="PNG", **more,
    )


async def main():
    client = Runware(api_key=key, url=sockets)
    await client.connect()

    def saved(name, images):
        return [common.save(folder, f"{name}-{at}.png", it.imageURL) for at, it in enumerate(images)]

    def file(name, colour):
        path = pathlib.Path(folder, name)
        path.write_bytes(common.png(colour))
        return str(path)

    async def text():
        return {"files": saved("text", await client.imageInference(request()))}

    async def image():
        images = await client.imageInference(request(seedImage=file("seed.png", (200, 60, 20)), strength=0.6))
        return {"files": saved("image", images)}

    async def inpaint():
        seed = await client.uploadImage(file("seed.png", (200, 60, 20)))
        mask = await client.uploadImage(file("mask.png", (255, 255, 255)))
        images = await client.imageInference(
            request(seedImage=seed.imageUUID, maskImage=mask.imageUUID, strength=0.9))
        return {"files": saved("inpaint", images), "note": "uploadImage"}

    async def several():
        images = await client.imageInference(request(numberResults=3))
        seeds = sorted(image.seed for image in images)
        assert seeds == [7, 8, 9], seeds
        return {"files": saved("several", images)}

    async def invalid():
        wrong = request()
        wrong.steps = 1000
        try:
            await client.imageInference(wrong)
        except Exception as error:  # noqa: BLE001 - the package raises several kinds
            assert "steps" in str(error), error
            return {"note": type(error).__name__}
        raise AssertionError("it was accepted")

    flows = [("text-to-image", text), ("image-to-image", image), ("inpaint with upload", inpaint),
             ("several results", several), ("invalid parameter", invalid)]
    for flow, steps in flows:
        await common.run(flow, steps)
    await client.disconnect()


asyncio.run(main())
os._exit(0)
