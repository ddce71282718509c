"""Masks of rectangles with fading edges, made by Pillow's ImageDraw and BoxBlur.

    python masks.py [--out FOLDER]

Writes masks.json and masks/*.png (grey). Each entry holds the picture's size, the rectangles (left, top, width,
height; some hang over the edge) and the radius of the blur.
"""

import json
from argparse import ArgumentParser
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

CASES = [
    ("hard", (96, 64), [(10, 12, 40, 30)], 0),
    ("over-the-edge", (96, 64), [(70, 40, 200, 200), (0, 0, 5, 64)], 0),
    ("feather-1", (96, 64), [(10, 12, 40, 30)], 1),
    ("feather-8", (96, 64), [(10, 12, 40, 30), (30, 30, 60, 20)], 8),
    ("feather-8-at-the-border", (96, 64), [(0, 0, 30, 64)], 8),
    ("feather-64-larger-than-the-picture", (50, 33), [(20, 10, 12, 9)], 64),
    ("feather-17-touching", (131, 97), [(20, 20, 30, 40), (50, 20, 30, 40), (9, 80, 1, 1)], 17),
    ("feather-3-of-one-column", (1, 40), [(0, 11, 1, 7)], 3),
    ("feather-5-of-one-row", (40, 1), [(11, 0, 7, 1)], 5),
    ("empty", (20, 20), [], 12),
]


def main():
    parser = ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = parser.parse_args().out
    (out / "masks").mkdir(exist_ok=True)
    entries = []
    for name, (width, height), rectangles, feather in CASES:
        image = Image.new("L", (width, height), 0)
        draw = ImageDraw.Draw(image)
        for x, y, w, h in rectangles:
            draw.rectangle((x, y, x + w - 1, y + h - 1), fill=255)
        image = image.filter(ImageFilter.BoxBlur(feather))
        image.save(out / "masks" / f"{name}.png", optimize=True)
        entries.append(
            {
                "file": f"{name}.png",
                "extent": {"width": width, "height": height},
                "rectangles": [dict(zip(("x", "y", "width", "height"), r)) for r in rectangles],
                "feather": feather,
            }
        )
    (out / "masks.json").write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
