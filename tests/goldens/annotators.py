"""Guides drawn by networks: small stand-ins with the inputs and outputs of known exports, and what is to be read from them.

    python annotators.py [--out FOLDER]        needs: pip install onnx opencv-python-headless==5.0.0.93

Writes annotators/*.onnx (random or hand-made weights, no more than the shapes of the real ones), annotators.json, a list of
{type, model, source, hands, guide}, and annotators/*.png. The networks are run by onnxruntime; before and after stand:

input       Pillow's bilinear resize to the fixed size; where it is open, shorter side 512, longer at most 1536, rounded to
            multiples of 32 (depth: 14, then 32; lineart_anime: 256). R G B, 0-1, then (value - mean) / deviation:
            ImageNet's for depth, normalbae, seg, openpose; 0.5 for lineart_anime and mlsd (fourth channel: ones among bytes, as
            M-LSD's pred_lines has it); none for lineart; PiDiNet B G R 0-1; HED R G B 0-255
output      Pillow's bilinear resize of the float map (mode F) to the picture's size, then bytes
depth       (d - min) / (max - min); normalbae: (n + 1) / 2; lineart: 1 - x; lineart_anime: (1 - x) / 2; PiDiNet: x;
            HED: sigmoid of the mean of five; seg: colour of the largest of 150 (ade_palette of controlnet_aux 0.0.10)
openpose    rtmlib's RTMPose preprocessing (whole picture, padding 1.25, cv2.warpAffine) and SimCC reading, score >= 0.3 in the mean
            of both directions, DWPose's order of joints; drawn by OpenCV as controlnet_aux's draw_bodypose, draw_handpose and
            draw_facepose do, widths in proportion to a shorter side of 512 and at least half
mlsd        M-LSD's deccode_output_score_and_ptss and pred_lines (200 best, 3 x 3, score > 0.1, length > 0.1), cv2.line
"""

import argparse
import colorsys
import json
import math
import pathlib

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
CENTRED = ([0.5] * 3, [0.5] * 3)
PLAIN = ([0.0] * 3, [1.0] * 3)
BYTES = ([0.0] * 3, [1 / 255.0] * 3)


class Net:
    """A graph in the making."""

    def __init__(self, seed, shape, name="image"):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.outputs = [], [], []
        self.input = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        self.count = 0

    def constant(self, values):
        name = f"w{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, operator, *inputs, name=None, **attributes):
        self.count += 1
        name = name or f"t{self.count}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def conv(self, x, channels, wanted, scale=1.0, bias=0.0, stride=1, name=None):
        weight = self.random.normal(size=(wanted, channels, 3, 3)).astype(np.float32) * scale
        weight = self.constant(weight)
        bias = self.constant(np.broadcast_to(np.float32(bias), wanted).copy())
        return self.add("Conv", x, weight, bias, name=name, pads=[1, 1, 1, 1], strides=[stride, stride])

    def output(self, name, shape, kind=TensorProto.FLOAT):
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def save(self, path):
        graph = helper.make_graph(self.nodes, "stand-in", [self.input], self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def depth_fixed(path):
    net = Net(1, [1, 3, 48, 64])
    net.add("Squeeze", net.conv("image", 3, 1), net.constant(np.array([1])), name="predicted_depth")
    net.output("predicted_depth", [1, 48, 64])
    net.save(path)


def depth_open(path, step):
    """Takes only sides that are multiples of `step`."""
    net = Net(2 + step, ["batch", 3, "height", "width"])
    blocks = net.add("SpaceToDepth", net.conv("image", 3, 1), blocksize=step)
    net.add("DepthToSpace", blocks, name="depth", blocksize=step)
    net.output("depth", ["batch", 1, "height", "width"])
    net.save(path)


def normalbae(path):
    net = Net(3, [1, 3, 64, 64])
    net.add("Tanh", net.conv("image", 3, 4, 0.3, stride=2), name="coarse")
    net.add("Tanh", net.conv("image", 3, 4, 0.3), name="normal")
    net.output("coarse", [1, 4, 32, 32])
    net.output("normal", [1, 4, 64, 64])
    net.save(path)


def lines(path, seed, activation, shape):
    net = Net(seed, [1, 3, *shape])
    net.add(activation, net.conv("image", 3, 1, 0.8), name="line")
    net.output("line", [1, 1, *shape])
    net.save(path)


def hed(path):
    net = Net(6, [1, 3, "height", "width"])
    for level in range(5):
        x = "image"
        if level:
            x = net.add("AveragePool", "image", kernel_shape=[2**level] * 2, strides=[2**level] * 2)
        net.conv(x, 3, 1, 0.01, name=f"side{level}")
        net.output(f"side{level}", [1, 1, f"height{level}", f"width{level}"])
    net.save(path)


def seg(path):
    net = Net(7, ["batch", 3, "height", "width"], "pixel_values")
    pooled = net.add("AveragePool", "pixel_values", kernel_shape=[4, 4], strides=[4, 4])
    net.conv(pooled, 3, 150, name="logits")
    net.output("logits", ["batch", 150, "h", "w"])
    net.save(path)


# COCO's 17 joints of somebody who waves, 0-1 of the picture; one ankle is unsure.
PERSON = [(0.5, 0.18), (0.53, 0.15), (0.47, 0.15), (0.57, 0.17), (0.43, 0.17), (0.62, 0.32), (0.38, 0.31), (0.74, 0.22), (0.33, 0.47),
          (0.8, 0.08), (0.3, 0.61), (0.58, 0.6), (0.43, 0.6), (0.6, 0.78), (0.41, 0.77), (0.61, 0.95), (0.4, 0.94)]


def openpose(path, joints, shape, seed):
    """Bells around places that move with the picture's colours: `SimCC` with two bins a pixel."""
    random = np.random.default_rng(seed)
    height, width = shape
    places = np.array(PERSON + [(0, 0)] * (joints - 17))
    if joints == 133:
        places[17:23] = random.uniform(0.35, 0.65, (6, 2)) * [1, 0.1] + [0, 0.9]
        places[23:91] = [0.5, 0.16] + 0.05 * np.stack([np.cos(np.arange(68)), np.sin(np.arange(68) * 1.3)], axis=1)
        for first, wrist in ((91, PERSON[9]), (112, PERSON[10])):
            fan = [(finger - 2, joint / 4) for finger in range(5) for joint in range(1, 5)]
            places[first] = wrist
            places[first + 1 : first + 21] = [(wrist[0] + 0.02 * a * b, wrist[1] - 0.08 * b) for a, b in fan]
    # The picture lies inside what is shown, which is a quarter larger.
    places = 0.5 + (places - 0.5) * 0.75
    sure = random.uniform(0.5, 0.95, joints).astype(np.float32)
    sure[15] = 0.2
    sure[30::17] = 0.1
    net = Net(seed, ["batch", 3, height, width], "input")
    mean = net.add("ReduceMean", "input", axes=[1, 2, 3], keepdims=0)
    for axis, name, side in ((0, "simcc_x", width), (1, "simcc_y", height)):
        bins = net.constant(np.arange(side * 2, dtype=np.float32).reshape(1, 1, -1))
        middle = net.constant((places[:, axis] * side * 2).astype(np.float32).reshape(1, -1, 1))
        moved = net.add("Add", middle, net.add("Mul", mean, net.constant(np.float32(0.7))))
        far = net.add("Sub", bins, moved)
        bell = net.add("Exp", net.add("Mul", net.add("Mul", far, far), net.constant(np.float32(-0.05))))
        net.add("Mul", bell, net.constant(sure.reshape(1, -1, 1)), name=name)
        net.output(name, ["batch", joints, side * 2])
    net.save(path)


def mlsd(path):
    net = Net(9, [1, 4, 64, 64])
    net.conv("image", 4, 9, np.float32([0.9] + [6.0] * 8).reshape(9, 1, 1, 1), [-4.5] + [0.0] * 8, stride=2, name="tpmap")
    net.output("tpmap", [1, 9, 32, 32])
    net.save(path)


def broken(out):
    """Files that are networks but not those, and one that is none."""
    (out / "corrupt.onnx").write_bytes((out / "depth-fixed.onnx").read_bytes()[:200])
    for name, shape in (("channels-last", [1, 48, 64, 3]), ("flat", [1, 3])):
        net = Net(10, shape)
        net.add("Identity", "image", name="same")
        net.output("same", shape)
        net.save(out / f"{name}.onnx")
    net = Net(11, [1, 3, 32, 32])
    zero = net.add("Sub", "image", "image")
    net.add("ReduceMean", net.add("Div", zero, zero), name="depth", axes=[1], keepdims=1)
    net.output("depth", [1, 1, 32, 32])
    net.save(out / "not-numbers.onnx")
    net = Net(12, [1, 3, 32, 32])
    net.add("Cast", net.conv("image", 3, 1), name="classes", to=TensorProto.INT64)
    net.output("classes", [1, 1, 32, 32], TensorProto.INT64)
    net.save(out / "integers.onnx")


def read(path):
    picture = np.array(Image.open(path).convert("RGBA"))
    colour = picture[:, :, :3].astype(np.float32)
    alpha = picture[:, :, 3:].astype(np.float32) / 255.0
    return (colour * alpha + 255.0 * (1.0 - alpha)).clip(0, 255).astype(np.uint8)


def open_size(width, height, step):
    scale = min(512 / min(width, height), 1536 / max(width, height))
    return tuple(max(math.floor(side * scale / step + 0.5), 1) * step for side in (width, height))


def size_of(session, picture, step):
    """Width and height at which the network sees the picture."""
    *_, height, width = session.get_inputs()[0].shape
    free = open_size(picture.shape[1], picture.shape[0], step)
    return (width if isinstance(width, int) else free[0], height if isinstance(height, int) else free[1])


def run(session, picture, size, numbers, blue_first=False, ones=False):
    shown = np.array(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR)) if size else picture
    mean, deviation = (np.array(value, dtype=np.float32) for value in numbers)
    values = shown.astype(np.float32) / 255
    if blue_first:
        values = values[:, :, ::-1]
    values = (values - mean) / deviation
    if ones:
        values = np.concatenate([values, np.full((*values.shape[:2], 1), 1 / 127.5 - 1, dtype=np.float32)], axis=2)
    feed = {session.get_inputs()[0].name: values.transpose(2, 0, 1)[None].astype(np.float32)}
    return session.run(None, feed)


def scaled(plane, picture):
    height, width, _ = picture.shape
    return np.array(Image.fromarray(plane.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))


def as_bytes(values):
    return np.floor(values.clip(0, 1).astype(np.float64) * 255 + 0.5).astype(np.uint8)


def palette():
    """Read from our own table, which was made from controlnet_aux's `ade_palette`."""
    text = (FOLDER.parents[1] / "src/engine/annotate/palette.rs").read_text()
    return np.array(json.loads("[" + text.split("= [\n")[1].split("];")[0].strip().rstrip(",") + "]"), dtype=np.uint8)


def draw_maps(kind, session, picture):
    if kind == "depth":
        name = session.get_outputs()[0].name
        step = 32 if "32" in pathlib.Path(session._model_path).stem else 14
        del name
        (depth,) = run(session, picture, size_of(session, picture, step), IMAGENET)
        depth = scaled(depth.reshape(depth.shape[-2:]), picture)
        return as_bytes((depth - depth.min()) / (depth.max() - depth.min()))
    if kind == "normalbae":
        normal = run(session, picture, size_of(session, picture, 32), IMAGENET)[-1][0, :3]
        return np.stack([as_bytes((scaled(plane, picture) + 1) / 2) for plane in normal], axis=2)
    if kind == "lineart":
        (line,) = run(session, picture, size_of(session, picture, 32), PLAIN)
        return as_bytes(1 - scaled(line[0, 0], picture))
    if kind == "lineart_anime":
        (line,) = run(session, picture, size_of(session, picture, 256), CENTRED)
        return as_bytes(0.5 - scaled(line[0, 0], picture) / 2)
    if kind == "softedge" and len(session.get_outputs()) == 5:
        sides = run(session, picture, size_of(session, picture, 32), BYTES)
        mean = np.mean([scaled(side[0, 0], picture) for side in sides], axis=0)
        return as_bytes(1 / (1 + np.exp(-mean)))
    if kind == "softedge":
        (edge,) = run(session, picture, size_of(session, picture, 32), PLAIN, blue_first=True)
        return as_bytes(scaled(edge[0, 0], picture))
    (logits,) = run(session, picture, size_of(session, picture, 32), IMAGENET)
    return palette()[np.argmax([scaled(plane, picture) for plane in logits[0]], axis=0)]


def joints_of(session, picture):
    *_, h, w = session.get_inputs()[0].shape
    height, width, _ = picture.shape
    step = max(width * 1.25 / w, height * 1.25 / h)
    matrix = np.array([[1 / step, 0, w / 2 - width / 2 / step], [0, 1 / step, h / 2 - height / 2 / step]])
    shown = cv2.warpAffine(picture, matrix, (w, h), flags=cv2.INTER_LINEAR)
    x, y = (answer[0] for answer in run(session, shown, None, IMAGENET))
    place = np.stack([x.argmax(axis=1), y.argmax(axis=1)], axis=1) / 2
    place = place / [w, h] * [w * step, h * step] + [width / 2, height / 2] - np.array([w * step, h * step]) / 2
    sure = (x.max(axis=1) + y.max(axis=1)) / 2
    return [tuple(p) if s >= 0.3 else None for p, s in zip(place, sure)]


def draw_person(joints, picture, hands):
    height, width, _ = picture.shape
    scale = max(min(width, height) / 512, 0.5)
    limbs = [(2, 3), (2, 6), (3, 4), (4, 5), (6, 7), (7, 8), (2, 9), (9, 10), (10, 11), (2, 12), (12, 13), (13, 14), (2, 1), (1, 15),
             (15, 17), (1, 16), (16, 18)]
    colours = [(255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
               (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255),
               (255, 0, 170), (255, 0, 85)]
    both = joints[5] and joints[6]
    neck = tuple((np.array(joints[5]) + joints[6]) / 2) if both else None
    # nose, neck, then as in DWPose's mmpose_idx
    body = [joints[0], neck] + [joints[k] for k in (6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)]
    canvas = np.zeros((height, width, 3), np.uint8)
    for (a, b), colour in zip(limbs, colours):
        if body[a - 1] is None or body[b - 1] is None:
            continue
        (x, y), (u, v) = body[a - 1], body[b - 1]
        angle = math.degrees(math.atan2(y - v, x - u))
        axes = (int(math.hypot(x - u, y - v) / 2), round(4 * scale))
        polygon = cv2.ellipse2Poly((int((x + u) / 2), int((y + v) / 2)), axes, int(angle), 0, 360, 1)
        cv2.fillConvexPoly(canvas, polygon, colour)
    canvas = (canvas * 0.6).astype(np.uint8)

    def disc(joint, radius, colour):
        if joint is not None:
            cv2.circle(canvas, (int(joint[0]), int(joint[1])), math.floor(radius * scale + 0.5), colour, -1)

    for joint, colour in zip(body, colours):
        disc(joint, 4, colour)
    if hands:
        for hand in (joints[91:112], joints[112:133]):
            for k in range(20):
                a, b = hand[0 if k % 4 == 0 else k], hand[k + 1]
                if a is not None and b is not None:
                    colour = [value * 255 for value in colorsys.hsv_to_rgb(k / 20, 1, 1)]
                    a, b = ((int(place[0]), int(place[1])) for place in (a, b))
                    cv2.line(canvas, a, b, colour, thickness=round(2 * scale))
            for joint in hand:
                disc(joint, 4, (0, 0, 255))
        for joint in joints[23:91]:
            disc(joint, 3, (255, 255, 255))
    return canvas


def draw_segments(session, picture):
    height, width, _ = picture.shape
    (answer,) = run(session, picture, size_of(session, picture, 32), CENTRED, ones=True)
    centre, *ways = answer[0, :5]
    h, w = centre.shape
    heat = 1 / (1 + np.exp(-centre))
    padded = np.pad(heat, 1, constant_values=-1)
    peak = np.max([padded[a : a + h, b : b + w] for a in range(3) for b in range(3)], axis=0) == heat
    best = sorted(((heat[y, x], y, x) for y, x in zip(*np.nonzero(peak))), reverse=True)[:200]
    canvas = np.zeros((height, width), np.uint8)
    drawn = 0
    for score, y, x in best:
        a, b, c, d = (way[y, x] for way in ways)
        if score > 0.1 and math.hypot(a - c, b - d) > 0.1:
            ends = [int((x + a) * width / w), int((y + b) * height / h), int((x + c) * width / w), int((y + d) * height / h)]
            cv2.line(canvas, ends[:2], ends[2:], 255, 1)
            drawn += 1
    print("mlsd:", drawn, "lines")
    return canvas


CASES = [
    ("depth", "depth-fixed", "guides/texture.png", False),
    ("depth", "depth-open-14", "guides/texture.png", False),
    ("depth", "depth-open-32", "image_to_image/source-square.png", False),
    ("normalbae", "normalbae", "guides/texture.png", False),
    ("lineart", "lineart", "guides/texture.png", False),
    ("lineart_anime", "lineart_anime", "guides/texture.png", False),
    ("softedge", "softedge-pidinet", "guides/texture.png", False),
    ("softedge", "softedge-hed", "guides/texture.png", False),
    ("seg", "seg", "guides/texture.png", False),
    ("openpose", "openpose-17", "guides/texture.png", False),
    ("openpose", "openpose-17", "annotators/large.png", False),
    ("openpose", "openpose-133", "annotators/large.png", True),
    ("openpose", "openpose-133", "inpainting/source-tall.png", True),
    ("mlsd", "mlsd", "image_to_image/source-square.png", False),
    ("mlsd", "mlsd", "guides/texture.png", False),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER)
    out = parser.parse_args().out
    nets = out / "annotators"
    nets.mkdir(parents=True, exist_ok=True)
    depth_fixed(nets / "depth-fixed.onnx")
    for step in (14, 32):
        depth_open(nets / f"depth-open-{step}.onnx", step)
    normalbae(nets / "normalbae.onnx")
    lines(nets / "lineart.onnx", 4, "Sigmoid", ["height", "width"])
    lines(nets / "lineart_anime.onnx", 5, "Tanh", ["height", "width"])
    lines(nets / "softedge-pidinet.onnx", 8, "Sigmoid", ["height", "width"])
    hed(nets / "softedge-hed.onnx")
    seg(nets / "seg.onnx")
    openpose(nets / "openpose-17.onnx", 17, (256, 192), 13)
    openpose(nets / "openpose-133.onnx", 133, (384, 288), 14)
    mlsd(nets / "mlsd.onnx")
    broken(nets)
    Image.new("RGB", (640, 512), (90, 140, 200)).save(nets / "large.png", optimize=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    entries = []
    for kind, model, source, hands in CASES:
        path = out / source if (out / source).exists() else FOLDER / source
        session = onnxruntime.InferenceSession(nets / f"{model}.onnx", options, providers=["CPUExecutionProvider"])
        picture = read(path)
        if kind == "openpose":
            guide = draw_person(joints_of(session, picture), picture, hands)
        elif kind == "mlsd":
            guide = draw_segments(session, picture)
        else:
            guide = draw_maps(kind, session, picture)
        name = f"annotators/{path.stem}-{model}.png"
        Image.fromarray(guide).save(out / name, optimize=True)
        entries.append({"type": kind, "model": f"annotators/{model}.onnx", "source": source, "hands": hands, "guide": name})
    text = ",\n".join("  " + json.dumps(entry) for entry in entries)
    (out / "annotators.json").write_text(f"[\n{text}\n]\n")


main()
