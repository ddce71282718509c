"""Changes of a mask by NumPy, SciPy and Pillow: growing, filling, choosing by colour, shapes and strokes.

    python painting.py [--out FOLDER]

Writes painting.json and painting/*.png (grey; the picture whose colours are chosen in RGB). Distances are those of
scipy.ndimage.distance_transform_edt, regions those of scipy.ndimage.label (four neighbours), shapes and strokes are
drawn sixteen times as large and averaged.
"""

import json
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

SIZE = (150, 110)  # width, height: more than one tile of 128
FINE = 16


def blobs():
    """Hard and soft spots, one over the border."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    hard = ((x - 40) ** 2 + (y - 50) ** 2 < 400) | ((x > 100) & (y < 20)) | ((abs(x - 90) < 3) & (abs(y - 80) < 20))
    soft = np.clip(1.4 - np.hypot(x - 120, y - 85) / 18, 0, 1)
    return np.maximum(hard * 255, np.round(soft * 255)).astype(np.uint8)


def rings():
    """A drawn outline that is closed, and one with a gap."""
    image = Image.new("L", SIZE, 0)
    draw = ImageDraw.Draw(image)
    draw.ellipse((10, 10, 70, 90), outline=255, width=4)
    draw.arc((80, 15, 140, 95), 20, 330, fill=255, width=4)
    return np.asarray(image)


def grown(mask, pixels):
    distance = ndimage.distance_transform_edt(mask < 128)
    return np.maximum(mask, np.round(np.clip(pixels + 1 - distance, 0, 1) * 255)).astype(np.uint8)


def region(belongs, x, y):
    labels, _ = ndimage.label(belongs)
    return (labels == labels[y, x]) & belongs


def filled(mask, x, y):
    if mask[y, x] >= 128:
        return np.where(region(mask >= 1, x, y), 0, mask).astype(np.uint8)
    return np.where(region(mask < 128, x, y), 255, mask).astype(np.uint8)


def colours():
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    picture = np.stack([x * 255 // SIZE[0], y * 255 // SIZE[1], (x // 10 * 40) % 256], axis=-1).astype(np.uint8)
    picture[30:60, 30:60] = (200, 40, 40)
    picture[70:90, 100:140] = (205, 44, 38)
    return picture


def averaged(fine):
    height, width = SIZE[1], SIZE[0]
    return fine.reshape(height, FINE, width, FINE).mean(axis=(1, 3))


def shape(corners):
    image = Image.new("1", (SIZE[0] * FINE, SIZE[1] * FINE), 0)
    ImageDraw.Draw(image).polygon([(x * FINE - 0.5, y * FINE - 0.5) for x, y in corners], fill=1)
    return np.round(averaged(np.asarray(image).astype(float)) * 255).astype(np.uint8)


def stroke(points, radius, opacity):
    y, x = (np.mgrid[: SIZE[1] * FINE, : SIZE[0] * FINE] + 0.5) / FINE
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(points, points[1:] or points):
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        t = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1) if length else 0.0
        inside |= np.hypot(x - x0 - dx * t, y - y0 - dy * t) < radius
    return np.round(averaged(inside.astype(float)) * 255 * opacity).astype(np.uint8)


def main():
    parser = ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = parser.parse_args().out
    (out / "painting").mkdir(exist_ok=True)

    def save(name, pixels):
        Image.fromarray(pixels).save(out / "painting" / f"{name}.png", optimize=True)
        return f"{name}.png"

    spots, lines, picture = blobs(), rings(), colours()
    golden = {"spots": save("spots", spots), "lines": save("lines", lines), "picture": save("picture", picture)}
    golden["grown"] = [{"pixels": n, "file": save(f"grown-{n}", grown(spots, n))} for n in (1, 4, 23)]
    golden["shrunk"] = [
        {"pixels": n, "file": save(f"shrunk-{n}", 255 - grown(255 - spots, n))} for n in (1, 7)
    ]
    golden["filled"] = [
        {"x": x, "y": y, "file": save(f"filled-{x}-{y}", filled(lines, x, y))}
        for x, y in ((40, 50), (0, 0), (110, 50), (11, 50))
    ]
    everywhere = lambda x, y, t: (abs(picture.astype(int) - picture[y, x].astype(int)) <= t).all(-1)
    golden["colours"] = [
        {"x": x, "y": y, "tolerance": t, "everywhere": e,
         "file": save(f"colour-{x}-{y}-{t}-{int(e)}",
                      ((everywhere(x, y, t) if e else region(everywhere(x, y, t), x, y)) * 255).astype(np.uint8))}
        for x, y, t, e in ((40, 40, 0, False), (40, 40, 6, False), (40, 40, 6, True), (5, 100, 30, False))
    ]
    shapes = {
        "triangle": [(10.3, 8.2), (140.9, 30.5), (60.25, 101.7)],
        "rectangle": [(20.5, 10.0), (99.25, 10.0), (99.25, 77.75), (20.5, 77.75)],
        "over-the-edge": [(-20.0, 50.0), (75.0, -30.0), (190.0, 60.0), (75.0, 140.0)],
        "star": [(75, 5), (85, 45), (140, 50), (92, 65), (110, 105), (75, 78), (40, 105), (58, 65), (10, 50), (65, 45)],
    }
    golden["shapes"] = [{"corners": c, "file": save(f"shape-{n}", shape(c))} for n, c in shapes.items()]
    strokes = {
        "dab": ([(60.0, 50.0)], 20.0, 1.0),
        "line": ([(20.0, 20.0), (130.0, 90.0)], 9.0, 0.6),
        "bend": ([(20.0, 90.0), (75.0, 20.0), (130.0, 90.0), (40.0, 60.0)], 6.0, 0.5),
        "over-the-edge": ([(-10.0, 50.0), (170.0, 60.0)], 16.0, 1.0),
    }
    golden["strokes"] = [
        {"points": p, "size": 2 * r, "opacity": o, "file": save(f"stroke-{n}", stroke(p, r, o))}
        for n, (p, r, o) in strokes.items()
    ]
    (out / "painting.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
