"""Guides made by rules: what OpenCV and numpy give for the formulas that ControlNet's annotators are known for.

    python guides.py [--out FOLDER]        needs: pip install opencv-python-headless==5.0.0.93

Writes guides.json, a list of {source, rule, <options>, guide}, and guides/*.png. The rules, over the picture with its alpha
painted over white and cut off to bytes (`HWC3` of controlnet_aux 0.0.10):

canny       cv2.Canny(cv2.cvtColor(picture, COLOR_RGB2GRAY), low, high)
tile        cv2.resize(picture, (int(W / rate), int(H / rate)), INTER_AREA) from a rate of 1.1 on (sd-webui-controlnet: tile_resample)
reduced     cv2.resize of the middle of that shape with INTER_AREA: how a picture is made smaller before
shuffle     controlnet_aux's ContentShuffleDetector with f=256; numpy's random numbers replaced by SplitMix64 from the seed
scribble    sd-webui-controlnet's scribble_xdog with threshold 32, without resizing and without the overflow of `2 * (255 - dog)`
            in bytes, which drops strokes that differ by 128 and more
lineart     controlnet_aux's LineartStandardDetector: sigma 6, threshold 8, without resizing
softedge    ours: cv2.GaussianBlur sigma 1.5, cv2.Sobel / 8, length, largest channel, 255 at the 99th percentile (at least 8)
"""

import argparse
import json
import pathlib

import cv2
import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent


def read(path):
    picture = np.array(Image.open(path).convert("RGBA"))
    colour = picture[:, :, :3].astype(np.float32)
    alpha = picture[:, :, 3:].astype(np.float32) / 255.0
    return (colour * alpha + 255.0 * (1.0 - alpha)).clip(0, 255).astype(np.uint8)


def texture(width, height, seed):
    """Blurred noise, finer to the right, over a ramp: gradients of every direction and strength."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(height, width, 3)).astype(np.float32)
    planes = [cv2.GaussianBlur(noise, (0, 0), sigma) for sigma in (5.0, 2.0, 0.8)]
    planes = [plane / plane.std() for plane in planes]
    x = np.linspace(0, 2, width)[None, :, None]
    mixed = planes[0] * np.clip(1 - x, 0, 1) + planes[1] * np.clip(1 - abs(x - 1), 0, 1) + planes[2] * np.clip(x - 1, 0, 1)
    ramp = np.linspace(60, 190, height)[:, None, None]
    return (ramp + mixed * 45).clip(0, 255).astype(np.uint8)


def canny(picture, low, high):
    return cv2.Canny(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), low, high)


def tile(picture, rate):
    height, width, _ = picture.shape
    return picture if rate < 1.1 else cv2.resize(picture, (int(width / rate), int(height / rate)), interpolation=cv2.INTER_AREA)


def reduced(picture, width, height):
    h, w, _ = picture.shape
    cw, ch = (w * 1, w * height // width) if w * height <= h * width else (h * width // height, h)
    x, y = (w - cw) // 2, (h - ch) // 2
    return cv2.resize(picture[y : y + ch, x : x + cw], (width, height), interpolation=cv2.INTER_AREA)


def split_mix(seed):
    mask = (1 << 64) - 1
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        bits = seed
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & mask
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & mask
        yield ((bits ^ (bits >> 31)) >> 11) / (1 << 53)


def noise_disk(height, width, numbers, f=256):
    shape = (height // f + 2, width // f + 2)
    noise = np.array([next(numbers) for _ in range(shape[0] * shape[1])]).reshape(shape)
    noise = cv2.resize(noise, (width + 2 * f, height + 2 * f), interpolation=cv2.INTER_CUBIC)[f : f + height, f : f + width]
    noise -= noise.min()
    return noise / max(noise.max(), 1e-300)


def shuffle(picture, seed):
    height, width, _ = picture.shape
    numbers = split_mix(seed)
    x = noise_disk(height, width, numbers) * float(width - 1)
    y = noise_disk(height, width, numbers) * float(height - 1)
    return cv2.remap(picture, np.stack([x, y], axis=2).astype(np.float32), None, cv2.INTER_LINEAR)


def scribble(picture):
    fine = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.5)
    coarse = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 5.0)
    dog = (255 - np.min(coarse - fine, axis=2)).clip(0, 255).astype(np.uint8)
    return np.where(2 * (255 - dog.astype(int)) > 32, 255, 0).astype(np.uint8)


def lineart(picture):
    x = picture.astype(np.float32)
    intensity = np.min(cv2.GaussianBlur(x, (0, 0), 6.0) - x, axis=2).clip(0, 255)
    lines = intensity[intensity > 8]
    intensity /= max(16, np.median(lines) if lines.size else 0)
    intensity *= 127
    return intensity.clip(0, 255).astype(np.uint8)


def softedge(picture):
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.5)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, 1 - k, k, ksize=3) / 8 for k in (0, 1))
    edges = np.hypot(dx, dy).max(axis=2)
    white = max(np.sort(edges, axis=None)[(edges.size - 1) * 99 // 100], 8)
    return np.rint((edges / white * 255).clip(0, 255)).astype(np.uint8)


RULES = [canny, tile, reduced, shuffle, scribble, lineart, softedge]

PLAIN = [("scribble", {}), ("lineart", {}), ("softedge", {}), ("shuffle", {"seed": 7}), ("canny", {"low": 100, "high": 200})]
CASES = [
    ("guides/texture.png", PLAIN),
    ("guides/texture.png", [("canny", {"low": low, "high": high}) for low, high in [(0, 255), (20, 40), (200, 255)]]),
    ("guides/texture.png", [("tile", {"rate": rate}) for rate in (1.0, 1.09, 1.5, 2.0, 3.3, 8.0)]),
    ("guides/texture.png", [("reduced", {"width": w, "height": h}) for w, h in [(64, 64), (30, 71), (112, 50), (1, 1)]]),
    ("image_to_image/source-square.png", PLAIN),
    ("inpainting/source-tall.png", PLAIN[:3]),
    ("nsfw/transparent.png", PLAIN),
    ("guides/large.png", [("shuffle", {"seed": 1})]),
    ("guides/line.png", PLAIN),
    ("guides/column.png", PLAIN),
    ("guides/point.png", PLAIN),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER)
    out = parser.parse_args().out
    (out / "guides").mkdir(parents=True, exist_ok=True)
    made = {"texture": (112, 80, 3), "line": (9, 1, 4), "column": (1, 7, 5), "point": (1, 1, 6)}
    for name, (width, height, seed) in made.items():
        Image.fromarray(texture(width, height, seed)).save(out / f"guides/{name}.png", optimize=True)
    # Wider than the flow's grid, of few colours so that the file is small.
    y, x = np.mgrid[0:40, 0:600]
    bands = np.stack([x // 40 * 17, y // 8 * 50, (x + y) // 32 * 12], axis=2)
    Image.fromarray(bands.astype(np.uint8)).save(out / "guides/large.png", optimize=True)
    rules = {rule.__name__: rule for rule in RULES}
    entries = []
    for source, asked in CASES:
        path = out / source if (out / source).exists() else FOLDER / source
        for rule, options in asked:
            guide = rules[rule](read(path), **options)
            if source.endswith("large.png"):
                # Its first and last columns tell enough.
                guide = np.concatenate([guide[:, :64], guide[:, -64:]], axis=1)
            name = "-".join([path.stem, rule, *(str(value) for value in options.values())])
            Image.fromarray(guide).save(out / f"guides/{name}.png", optimize=True)
            entries.append({"source": source, "rule": rule, **options, "guide": f"guides/{name}.png"})
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    (out / "guides.json").write_text(f"[\n{lines}\n]\n")


main()
