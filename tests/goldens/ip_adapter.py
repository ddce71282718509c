"""IP-Adapters: tiny random ones of every kind with tiny random image encoders, on the checkpoint of tiny-sd1/.

    python ip_adapter.py [--out FOLDER]        after single_file.py and controlnet.py

Writes ip_adapter/ and ip_adapter.json:

    plain, plus, full-face.safetensors   adapters (f16, names as published) for image_encoder/
    image_encoder/                       config.json and model.safetensors of a CLIPVisionModelWithProjection
    other/plain.safetensors              an adapter for the encoder in clip_vision/
    other/clip_vision/tiny.safetensors   another encoder, without a config: 64 channels, so one head of 64; quick GELU
    *.png                                the pictures of ip_adapter.json, whose entries are those of pictures.json;
                                         `guideImage` is a file name beside this script (the ControlNet's too), `ipAdapters[].model` is
                                         local:<path with - for />@1
    networks.safetensors                 pixels [1, 3, 32, 32] of one guide as the encoder sees them; embedding and hidden
                                         (last but one layer) of it, hidden.zeros of a picture of zeros; for each adapter
                                         features [2, ...] (unconditional first) and keys_and_values [2, tokens, channels],
                                         the keys and values of all cross-attentions side by side: down, up, middle
    seen.json                            SHA-256 of the R G B bytes left of a picture before they are normalised

What diffusers does, beside what it does without IP-Adapters:

1. CLIPImageProcessor(size=side, crop_size=side), here its Pillow backend: laid on white where transparent, the shorter side
   scaled to `side` and the longer to int(side * long / short) by Pillow's bicubic filter, the middle cut out (offsets
   rounded down), byte / 255, minus mean, divided by deviation.
2. Plain adapters take `image_embeds`, unconditional: zeros. All others take the hidden states before the last layer,
   unconditional: those of a picture of zeros (after normalising; not black).
3. Number 2i + 1 of `ip_adapter.` is the i-th cross-attention of `unet.attn_processors`, which lists the levels down, then up,
   then the middle.
4. hidden = attention(q, text) + sum of scale * attention(q, image) over the adapters, before `to_out`.

`--check` also prints how far each picture moves when layers are swapped, or when the middle stands between down and up.
"""

import argparse
import hashlib
import json
import pathlib

import diffusers
import numpy as np
import torch
from controlnet import TINY
from PIL import Image
from reference import FOLDER, write_tensors
from safetensors.torch import load_file
from single_file import TASK, UNET, random_weights, write_json
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

ENCODER = {
    "hidden_size": 32,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
    "projection_dim": 24,
    "hidden_act": "gelu",
}
OTHER_ENCODER = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 1,
    "image_size": 48,
    "patch_size": 16,
    "projection_dim": 20,
    "hidden_act": "quick_gelu",
}
WIDTH = UNET["cross_attention_dim"]
# Of the resampler: channels, heads of 64, tokens; its depth is fixed in diffusers.
INSIDE, HEADS, TOKENS, DEPTH = 32, 1, 6, 4
DOG, CROWN = "pictures/unipc-dog.png", "pictures/dpmpp-2m-karras-crown-tall.png"
WIDE, CLEAR = "image_to_image/source-wide.png", "nsfw/transparent.png"
PLAIN, PLUS, FACE, OTHER = "plain", "plus", "full-face", "other/plain"

# The ControlNet of tiny-controlnet/.
CONTROL = {"model": "local:tiny-controlnet@1", "guideImage": "controlnet/guide-colours.png", "weight": 0.7}

# name, adapters with guide and weight, what differs from TASK
CASES = [
    ("plain", [(PLAIN, DOG, 1.0)], {}),
    ("plus-half", [(PLUS, WIDE, 0.5)], {"scheduler": "DPM++ 2M"}),
    ("full-face", [(FACE, CROWN, 0.8)], {}),
    ("plain-no-guidance", [(PLAIN, WIDE, 1.0)], {"CFGScale": 1.0}),
    ("plus-no-guidance", [(PLUS, CLEAR, 1.0)], {"CFGScale": 1.0}),
    ("two", [(PLAIN, CROWN, 0.7), (PLUS, DOG, 0.4)], {"numberResults": 2}),
    ("three-one-asleep", [(PLUS, CROWN, 0.3), (PLAIN, DOG, 0.0), (PLUS, WIDE, 0.6)], {}),
    ("other-encoder", [(OTHER, WIDE, 0.9)], {}),
    ("with-controlnet", [(PLAIN, DOG, 0.8)], {"controlNet": [CONTROL]}),
]
SCHEDULERS = {"Euler": diffusers.EulerDiscreteScheduler, "DPM++ 2M": diffusers.DPMSolverMultistepScheduler}
SEEN = [DOG, CROWN, WIDE, CLEAR, "nsfw/blobs-tall.png", "nsfw/noise.png", "nsfw/blobs-large.png", "nsfw/stripes.png"]


def channels():
    """Channels of the cross-attentions in diffusers' order, counted here by hand and checked against the UNet."""
    levels, layers = UNET["block_out_channels"], UNET["layers_per_block"]
    down = [c for c, kind in zip(levels, UNET["down_block_types"]) if "Cross" in kind for _ in range(layers)]
    up = [c for c, kind in zip(levels[::-1], UNET["up_block_types"]) if "Cross" in kind for _ in range(layers + 1)]
    return down + up + [levels[-1]]


def random_tensors(shapes, seed, gains):
    """Random f16 tensors: norms near an identity, matrices that keep the size of what they are given."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in shapes.items():
        values = torch.randn(shape, generator=generator)
        if "norm" in name or ".1.0." in name or "proj.3." in name:
            values = values * 0.4 + (1.0 if name.endswith("weight") else 0.0)
        elif len(shape) == 1:
            values = values * 0.1
        elif name.endswith("weight"):
            values = values / shape[-1] ** 0.5
        gain = next((gain for end, gain in gains.items() if name.endswith(end)), 1.0)
        tensors[name] = (values * gain).half()
    return tensors


def linear(name, inside, outside, bias=True):
    return {f"{name}.weight": (outside, inside)} | ({f"{name}.bias": (outside,)} if bias else {})


def norm(name, width):
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def layers():
    shapes = {}
    for i, width in enumerate(channels()):
        for part in ("to_k_ip", "to_v_ip"):
            shapes |= linear(f"ip_adapter.{2 * i + 1}.{part}", WIDTH, width, bias=False)
    return shapes


def plain(features):
    return linear("image_proj.proj", features, 4 * WIDTH) | norm("image_proj.norm", WIDTH)


def full_face(features):
    shapes = linear("image_proj.proj.0", features, features) | linear("image_proj.proj.2", features, WIDTH)
    return shapes | norm("image_proj.proj.3", WIDTH)


def resampler(features):
    root, inner = "image_proj", 64 * HEADS
    shapes = {f"{root}.latents": (1, TOKENS, INSIDE)} | linear(f"{root}.proj_in", features, INSIDE)
    for i in range(DEPTH):
        name = f"{root}.layers.{i}"
        shapes |= norm(f"{name}.0.norm1", INSIDE) | norm(f"{name}.0.norm2", INSIDE)
        shapes |= linear(f"{name}.0.to_q", INSIDE, inner, False) | linear(f"{name}.0.to_kv", INSIDE, 2 * inner, False)
        shapes |= linear(f"{name}.0.to_out", inner, INSIDE, False) | norm(f"{name}.1.0", INSIDE)
        shapes |= linear(f"{name}.1.1", INSIDE, 4 * INSIDE, False) | linear(f"{name}.1.3", 4 * INSIDE, INSIDE, False)
    return shapes | linear(f"{root}.proj_out", INSIDE, WIDTH) | norm(f"{root}.norm_out", WIDTH)


def make_models(folder):
    gains = {"to_v_ip.weight": 2.0, "to_k_ip.weight": 1.5}
    projections = {
        PLAIN: plain(ENCODER["projection_dim"]),
        PLUS: resampler(ENCODER["hidden_size"]),
        FACE: full_face(ENCODER["hidden_size"]),
        OTHER: plain(OTHER_ENCODER["projection_dim"]),
    }
    (folder / "other/clip_vision").mkdir(parents=True, exist_ok=True)
    (folder / "image_encoder").mkdir(exist_ok=True)
    for seed, (name, shapes) in enumerate(projections.items(), start=21):
        write_tensors(folder / f"{name}.safetensors", random_tensors(shapes | layers(), seed, gains))
    encoder_gains = {"patch_embedding.weight": 2.0, "out_proj.weight": 2.0, "fc2.weight": 2.0}
    for seed, (config, file) in enumerate(
        [(ENCODER, "image_encoder/model"), (OTHER_ENCODER, "other/clip_vision/tiny")], start=11
    ):
        net = random_weights(CLIPVisionModelWithProjection(CLIPVisionConfig(**config)), seed, encoder_gains)
        state = {name: weight.half() for name, weight in net.state_dict().items() if "position_ids" not in name}
        write_tensors(folder / f"{file}.safetensors", state)
    kept = {"architectures": ["CLIPVisionModelWithProjection"], "model_type": "clip_vision_model", "layer_norm_eps": 1e-5}
    write_json(folder / "image_encoder/config.json", kept | ENCODER)


def encoder(folder, name):
    if not name.startswith("other"):
        net = CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder", dtype=torch.float32)
    else:
        net = CLIPVisionModelWithProjection(CLIPVisionConfig(**OTHER_ENCODER))
        state = load_file(folder / "other/clip_vision/tiny.safetensors")
        net.load_state_dict({key: value.float() for key, value in state.items()}, strict=True)
    return net.float().eval()


def pipeline(out):
    pipe = diffusers.StableDiffusionPipeline.from_single_file(
        str(out / "tiny-sd1/model.safetensors"), config=str(out / "tiny-sd1/config"), torch_dtype=torch.float32,
        local_files_only=True, safety_checker=None,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def with_adapters(out, names, change=None):
    """A fresh pipeline with these adapters; `change` may edit the tensors of each."""
    pipe, folder = pipeline(out), out / "ip_adapter"
    pipe.register_modules(image_encoder=encoder(folder, names[0]))
    states = []
    for name in names:
        state = {"image_proj": {}, "ip_adapter": {}}
        for key, value in load_file(folder / f"{name}.safetensors").items():
            part, rest = key.split(".", 1)
            state[part][rest] = value.float()
        states.append(change(state) if change else state)
    if change:
        pipe.load_ip_adapter(states, [""] * len(names), names, image_encoder_folder=None)
    else:
        files = [f"{name.split('/')[-1]}.safetensors" for name in names]
        place = str((folder / names[0]).parent)
        pipe.load_ip_adapter(place, [""] * len(names), files, image_encoder_folder=None)
    pipe.unet.float()
    return pipe


def guide(name):
    return Image.open(FOLDER / name)


def draw(pipe, task, adapters, seed):
    further = {}
    if "controlNet" in task:
        net = random_weights(diffusers.ControlNetModel(**TINY), 5, {})
        pipe = diffusers.StableDiffusionControlNetPipeline(
            **pipe.components, controlnet=net, requires_safety_checker=False
        )
        pipe.set_progress_bar_config(disable=True)
        further = {"image": guide(CONTROL["guideImage"]).convert("RGB"), "controlnet_conditioning_scale": CONTROL["weight"]}
    pipe.set_ip_adapter_scale([weight for _, _, weight in adapters])
    pipe.scheduler = SCHEDULERS[task["scheduler"]].from_config(pipe.scheduler.config)
    return pipe(
        task["positivePrompt"], negative_prompt=task["negativePrompt"], width=task["width"], height=task["height"],
        num_inference_steps=task["steps"], guidance_scale=task["CFGScale"],
        ip_adapter_image=[guide(name) for _, name, _ in adapters],
        generator=torch.Generator("cpu").manual_seed(seed), **further,
    ).images[0]


def apart(a, b):
    far = np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int))
    return int(far.max()), round(float(far.mean()), 3)


def swapped(state):
    """Every layer's tensors at the next layer of the same channels."""
    layers, moved = state["ip_adapter"], {}
    by_width = {}
    for i, width in enumerate(channels()):
        by_width.setdefault(width, []).append(2 * i + 1)
    for numbers in by_width.values():
        for a, b in zip(numbers, numbers[1:] + numbers[:1]):
            for part in ("to_k_ip", "to_v_ip"):
                moved[f"{a}.{part}.weight"] = layers[f"{b}.{part}.weight"]
    return {"image_proj": state["image_proj"], "ip_adapter": moved}


def middle_in_between(state):
    """As if the middle came between the levels down and up, all of the same channels here but the last up."""
    layers, count = state["ip_adapter"], len(channels())
    downs = sum(UNET["layers_per_block"] for kind in UNET["down_block_types"] if "Cross" in kind)
    order = list(range(downs)) + list(range(downs + 1, count)) + [downs]
    moved = {}
    for place, source in enumerate(order):
        for part in ("to_k_ip", "to_v_ip"):
            own = layers[f"{2 * place + 1}.{part}.weight"]
            other = layers[f"{2 * source + 1}.{part}.weight"]
            moved[f"{2 * place + 1}.{part}.weight"] = other if other.shape == own.shape else own
    return {"image_proj": state["image_proj"], "ip_adapter": moved}


def make_pictures(out, check):
    folder, entries = out / "ip_adapter", []
    bare = pipeline(out)
    for name, adapters, other in CASES:
        task = TASK | {"steps": 3} | other
        names = [adapter for adapter, _, _ in adapters]
        pipe = with_adapters(out, names)
        order = [name for name in pipe.unet.attn_processors if name.endswith("attn2.processor")]
        found = [pipe.unet.attn_processors[name].to_k_ip[0].weight.shape[0] for name in order]
        assert found == channels() and order[-1].startswith("mid_block"), order
        files = []
        for k in range(task.get("numberResults", 1)):
            picture = draw(pipe, task, adapters, task["seed"] + k)
            files.append(f"{name}-{k}.png" if "numberResults" in task else f"{name}.png")
            picture.save(folder / files[-1], optimize=True)
        without = draw_bare(bare, task, task["seed"] + len(files) - 1)
        print(name, "without:", apart(picture, without), end=" ")
        if check:
            for change in (swapped, middle_in_between):
                moved = draw(with_adapters(out, names, change), task, adapters, task["seed"] + len(files) - 1)
                print(f"{change.__name__}:", apart(picture, moved), end=" ")
        print(flush=True)
        stack = [
            {"model": f"local:{adapter.replace('/', '-')}@1", "guideImage": image, "weight": weight}
            for adapter, image, weight in adapters
        ]
        entries.append({"name": name, "task": task | {"ipAdapters": stack}, "pictures": files})
    (out / "ip_adapter.json").write_text(json.dumps(entries, indent=1) + "\n")


def draw_bare(pipe, task, seed):
    pipe.scheduler = SCHEDULERS[task["scheduler"]].from_config(pipe.scheduler.config)
    return pipe(
        task["positivePrompt"], negative_prompt=task["negativePrompt"], width=task["width"], height=task["height"],
        num_inference_steps=task["steps"], guidance_scale=task["CFGScale"],
        generator=torch.Generator("cpu").manual_seed(seed),
    ).images[0]


def make_networks(out):
    folder, tensors = out / "ip_adapter", {}
    for name in (PLAIN, PLUS, FACE, OTHER):
        pipe = with_adapters(out, [name])
        pixels = pipe.feature_extractor(guide(CROWN), return_tensors="pt").pixel_values
        image = pipe.prepare_ip_adapter_image_embeds(guide(CROWN), None, "cpu", 1, True)
        tokens = pipe.unet.encoder_hid_proj([image[0]])[0][:, 0]
        parts = []
        for key, processor in pipe.unet.attn_processors.items():
            if key.endswith("attn2.processor"):
                parts += [processor.to_k_ip[0](tokens), processor.to_v_ip[0](tokens)]
        short = name.replace("/", "-")
        tensors[f"{short}.features"] = image[0][:, 0]
        tensors[f"{short}.keys_and_values"] = torch.cat(parts, dim=-1)
        if name == PLAIN:
            answer = pipe.image_encoder(pixels, output_hidden_states=True)
            zeros = pipe.image_encoder(torch.zeros_like(pixels), output_hidden_states=True)
            tensors |= {"pixels": pixels, "embedding": answer.image_embeds, "hidden": answer.hidden_states[-2]}
            tensors["hidden.zeros"] = zeros.hidden_states[-2]
        if name == OTHER:
            tensors |= {"other.pixels": pixels, "other.embedding": pipe.image_encoder(pixels).image_embeds}
    write_tensors(folder / "networks.safetensors", tensors)


def make_seen(out):
    entries = []
    for side in (32, 224, 336):
        prepare = CLIPImageProcessor(size=side, crop_size=side, do_rescale=False, do_normalize=False)
        for name in SEEN:
            seen = prepare(guide(name), return_tensors="np").pixel_values[0].transpose(1, 2, 0)
            assert seen.dtype == np.uint8 and seen.shape == (side, side, 3)
            entries.append({"picture": name, "side": side, "seen": hashlib.sha256(seen.tobytes()).hexdigest()})
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    (out / "ip_adapter/seen.json").write_text(f"[\n{lines}\n]\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER)
    parser.add_argument("--check", action="store_true", help="show how far mistakes would move the pictures")
    args = parser.parse_args()
    folder = args.out / "ip_adapter"
    folder.mkdir(parents=True, exist_ok=True)
    make_models(folder)
    make_networks(args.out)
    make_seen(args.out)
    make_pictures(args.out, args.check)


if __name__ == "__main__":
    main()
