"""ControlNets: pictures of the demo model with its canny ControlNet, and a tiny random ControlNet in the original layout.

    python controlnet.py --model DEMO_MODEL_FOLDER [--out FOLDER]

Writes controlnet.json, controlnet/*.png (pictures, guides as `guide-*`, one byte a pixel where grey) and
tiny-controlnet/ (below). Entries are those of pictures.json; `guideImage`, `seedImage` and `maskImage` are file names
beside the pictures, and `controlNet[].model` is always the demo model's ControlNet. A case whose entry has `config`
was made with these keys changed in the ControlNet's config.json. Inpainted pictures are `pasted` as in inpainting.py.

What diffusers' ControlNet pipelines do, beside what the pipelines without one do:

1. The guide is resized to the picture's size (none here), byte / 255; its ControlNet sees it on every call.
2. Call i of n (n = len(timesteps) that are run; Heun: 2 * steps - 1) is guided unless i / n < start or
   (i + 1) / n > end, in doubles. Several ControlNets have a window each. An unguided call multiplies by 0.
3. Residuals are multiplied by the weight and added; those of several ControlNets are summed.
4. guess mode (`controlnet` here): the ControlNet runs for the positive prompt only, the negative half gets zeros; the
   residuals, outermost first and the middle's last, are multiplied by logspace(-1, 0, count).
   `global_pool_conditions` switches guess mode on, leaves out the logspace and takes the mean over each residual.
5. `prompt` is no mode of diffusers. It is sd-webui-controlnet's "My prompt is more important", which multiplies the 13
   residuals by 0.825 ** (12 - i) on both halves; here i counts to the number of residuals, so that the middle's
   factor is 1 for every depth. `softened` wraps ControlNetModel.forward with that factor and nothing else.

A window in steps is given to the pipeline as the window of the calls that belong to these steps.

tiny-controlnet/ has model.safetensors (f16, original names: `control_model.` …), network.safetensors with one run of it
(sample, context, guide; residual.<i> outermost first, the middle's last) and picture.png with picture.json, a run with
the checkpoint of tiny-sd1/. Names: the converter of diffusers must bring every tensor back under its own name.
"""

import contextlib
import json

import diffusers
import torch
from diffusers import ControlNetModel, MultiControlNetModel
from diffusers.loaders import single_file_utils as converters
from image_to_image import fresh_schedulers
from PIL import Image, ImageDraw
from pictures import APPLE, CAR, CROWN, DOG, FOX, PANDA, RAINBOW, ROCKET, SCHEDULERS
from reference import FOLDER, arguments, demo_pipeline, write_tensors
from single_file import TASK, UNET, random_weights, renamed, unet_blocks, write_json

HEART = "a red heart, 3d style, on a white background"
STAR = "a star, 3d style, on a purple background"
AIR = "local:demo-canny@1"

# name, prompt, scheduler, seed, steps, CFGScale, controls, then what differs from 128x128 with nothing else set
CASES = [
    ("single", HEART, "Euler", 3, 12, 5.0, [{"guideImage": "guide-heart.png"}], {}),
    ("half-weight", STAR, "DPM++ 2M Karras", 7, 12, 5.0, [{"guideImage": "guide-star.png", "weight": 0.5}], {}),
    (
        "two-with-windows",
        APPLE,
        "UniPC",
        5,
        10,
        5.0,
        [
            {"guideImage": "guide-heart.png", "weight": 0.8, "endStepPercentage": 60},
            {"guideImage": "guide-star.png", "weight": 0.4, "startStepPercentage": 30, "endStepPercentage": 90},
        ],
        {},
    ),
    ("steps-3-to-6-wide", CAR, "DDIM", 2, 9, 4.5, [{"guideImage": "guide-wide.png", "startStep": 3, "endStep": 6}], {"width": 192}),
    ("from-the-last-step", DOG, "Euler", 4, 8, 5.0, [{"guideImage": "guide-star.png", "startStep": 8}], {}),
    ("percent-on-the-border", ROCKET, "DPM++ 2M", 6, 8, 5.0, [{"guideImage": "guide-star.png", "startStepPercentage": 25, "endStepPercentage": 75}], {}),
    ("heun-percent", FOX, "Heun", 11, 6, 5.0, [{"guideImage": "guide-heart.png", "startStepPercentage": 20, "endStepPercentage": 70}], {}),
    ("heun-steps", FOX, "Heun", 11, 6, 5.0, [{"guideImage": "guide-heart.png", "startStep": 2, "endStep": 4}], {}),
    ("guide-first", PANDA, "Euler a", 1, 12, 5.0, [{"guideImage": "guide-heart.png", "controlMode": "controlnet"}], {}),
    ("guide-first-half-weight", CROWN, "UniPC", 8, 10, 4.0, [{"guideImage": "guide-star.png", "controlMode": "controlnet", "weight": 0.5}], {"negativePrompt": "flat style"}),
    ("guide-first-without-guidance", RAINBOW, "DPM++ 2M", 9, 10, 1.0, [{"guideImage": "guide-heart.png", "controlMode": "controlnet"}], {}),
    ("prompt-first", STAR, "Euler", 12, 12, 5.0, [{"guideImage": "guide-heart.png", "controlMode": "prompt"}], {}),
    ("lcm-prompt-first-half-weight", APPLE, "LCM", 13, 8, 1.5, [{"guideImage": "guide-heart.png", "controlMode": "prompt", "weight": 0.5}], {}),
    ("colours-pooled", DOG, "Euler", 14, 8, 5.0, [{"guideImage": "guide-colours.png"}], {}),
    ("image", APPLE, "DPM++ 2M", 2, 12, 5.0, [{"guideImage": "guide-heart.png", "endStepPercentage": 75}], {"seedImage": "source.png", "strength": 0.8}),
    ("image-heun", APPLE, "Heun", 2, 10, 5.0, [{"guideImage": "guide-star.png", "startStep": 2, "endStep": 5}], {"seedImage": "source.png", "strength": 0.7}),
    ("inside-a-mask", HEART, "Euler", 3, 12, 5.0, [{"guideImage": "guide-heart.png"}], {"seedImage": "source.png", "maskImage": "mask.png", "strength": 0.9}),
]
CONFIGS = {"colours-pooled": {"global_pool_conditions": True, "controlnet_conditioning_channel_order": "bgr"}}


def lines(size, points):
    guide = Image.new("L", size)
    ImageDraw.Draw(guide).line([*points, points[0]], fill=255, width=1)
    return guide


def make_inputs(folder):
    """White lines on black, four patches of colour, a picture to start from and a mask."""
    heart = [(64, 112), (22, 66), (20, 44), (34, 28), (52, 30), (64, 46), (76, 30), (94, 28), (108, 44), (106, 66)]
    star = [(64, 14), (76, 50), (114, 50), (84, 73), (95, 110), (64, 88), (33, 110), (44, 73), (14, 50), (52, 50)]
    car = [(20, 90), (24, 66), (60, 60), (84, 36), (130, 36), (150, 60), (172, 66), (174, 90)]
    lines((128, 128), heart).save(folder / "guide-heart.png", optimize=True)
    lines((128, 128), star).save(folder / "guide-star.png", optimize=True)
    lines((192, 128), car).save(folder / "guide-wide.png", optimize=True)
    colours = Image.new("RGB", (128, 128))
    for place, colour in [((0, 0), "red"), ((64, 0), "lime"), ((0, 64), "blue"), ((64, 64), "orange")]:
        colours.paste(colour, (*place, place[0] + 64, place[1] + 64))
    colours.save(folder / "guide-colours.png", optimize=True)
    source = Image.open(FOLDER / "pictures" / "unipc-dog.png")
    source.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "source.png", optimize=True)
    mask = Image.new("L", (128, 128))
    ImageDraw.Draw(mask).rectangle((16, 16, 111, 119), fill=255)
    mask.save(folder / "mask.png", optimize=True)


def task_of(prompt, scheduler, seed, steps, scale, controls, other):
    task = {"taskType": "imageInference", "model": "local:demo@1", "positivePrompt": prompt}
    task |= {"width": 128, "height": 128, "steps": steps, "CFGScale": scale, "scheduler": scheduler, "seed": seed}
    return task | other | {"controlNet": [{"model": AIR} | control for control in controls]}


def window(control, task):
    """Start and end as the pipeline takes them."""
    taken = min(int(task["steps"] * task.get("strength", 1.0)), task["steps"])
    heun = task["scheduler"] == "Heun"
    calls = 2 * taken - 1 if heun else taken
    first, last = control.get("startStep", 1), control.get("endStep", taken)
    # The calls of a step; the last of Heun's steps has one.
    begin = 2 * (first - 1) if heun else first - 1
    end = min(2 * last, calls) if heun else last
    start = control["startStepPercentage"] / 100 if "startStepPercentage" in control else begin / calls
    stop = control["endStepPercentage"] / 100 if "endStepPercentage" in control else end / calls
    kept = [not (i / calls < start or (i + 1) / calls > stop) for i in range(calls)]
    if "startStep" in control or "endStep" in control:
        assert kept == [begin <= i < end for i in range(calls)], (control, kept)
    return start, stop, kept


@contextlib.contextmanager
def softened():
    """Every ControlNetModel multiplies its residuals by 0.825 ** (count - 1 - i)."""
    forward = ControlNetModel.forward

    def soft(self, *args, **kwargs):
        downs, middle = forward(self, *args, **kwargs)
        return [down * 0.825 ** (len(downs) - i) for i, down in enumerate(downs)], middle

    ControlNetModel.forward = soft
    try:
        yield
    finally:
        ControlNetModel.forward = forward


def pipeline(base, controlnet, task):
    """The pipeline for a task, and what only it is told."""
    if "maskImage" in task:
        kind = diffusers.StableDiffusionControlNetInpaintPipeline
    elif "seedImage" in task:
        kind = diffusers.StableDiffusionControlNetImg2ImgPipeline
    else:
        kind = diffusers.StableDiffusionControlNetPipeline
    pipe = kind(**base.components, controlnet=controlnet, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw(base, net, folder, task):
    """One picture, and which calls each ControlNet guided."""
    controls = task["controlNet"]
    guides = [Image.open(folder / control["guideImage"]).convert("RGB") for control in controls]
    windows = [window(control, task) for control in controls]
    weights = [float(control.get("weight", 1)) for control in controls]
    several = len(controls) > 1
    pipe = pipeline(base, MultiControlNetModel([net] * len(controls)) if several else net, task)
    one = (lambda values: values) if several else (lambda values: values[0])
    told = {"control_image": one(guides)} if "seedImage" in task else {"image": one(guides)}
    if "seedImage" in task:
        told |= {"image": Image.open(folder / task["seedImage"]), "strength": task["strength"]}
    if "maskImage" in task:
        told["mask_image"] = Image.open(folder / task["maskImage"])
    if "maskImage" in task or "seedImage" not in task:
        told |= {"width": task["width"], "height": task["height"]}
    mode = controls[0].get("controlMode", "balanced")
    with softened() if mode == "prompt" else contextlib.nullcontext():
        picture = pipe(
            task["positivePrompt"],
            negative_prompt=task.get("negativePrompt"),
            num_inference_steps=task["steps"],
            guidance_scale=task["CFGScale"],
            generator=torch.Generator("cpu").manual_seed(task["seed"]),
            controlnet_conditioning_scale=one(weights),
            control_guidance_start=one([start for start, _, _ in windows]),
            control_guidance_end=one([stop for _, stop, _ in windows]),
            guess_mode=mode == "controlnet",
            **told,
        ).images[0]
    if "maskImage" in task:
        images = [Image.open(folder / task[key]) for key in ("maskImage", "seedImage")]
        picture = pipe.image_processor.apply_overlay(*images, picture)
    return picture, [[i for i, guided in enumerate(kept) if guided] for _, _, kept in windows]


def load(model, changed):
    net = ControlNetModel.from_pretrained(model / "addons/controlnet-canny", torch_dtype=torch.float32).eval()
    net.register_to_config(**changed)
    return net


def make(base, model, schedulers, folder):
    entries = []
    for name, *case in CASES:
        task = task_of(*case)
        changed = CONFIGS.get(name, {})
        base.scheduler = schedulers[task["scheduler"]]()
        picture, guided = draw(base, load(model, changed), folder, task)
        picture.save(folder / f"{name}.png", optimize=True)
        entry = {"name": name, "task": task, "pictures": [f"{name}.png"], "guided": guided}
        entries.append(entry | ({"config": changed} if changed else {}))
        print(name, guided, flush=True)
    return entries


TINY = {key: UNET[key] for key in UNET if key not in ("sample_size", "up_block_types")}
TINY["conditioning_embedding_out_channels"] = (4, 8, 8, 12)
PREFIX = "control_model."


def original_names(state):
    """The tensors of a diffusers ControlNet under the names of lllyasviel's files."""
    blocks = unet_blocks(TINY | {"up_block_types": UNET["up_block_types"]})
    hints = 2 * len(TINY["conditioning_embedding_out_channels"]) - 2
    blocks |= {f"controlnet_down_blocks.{i}": f"zero_convs.{i}.0" for i in range(12)}
    blocks |= {f"controlnet_cond_embedding.blocks.{i}": f"input_hint_block.{2 * i + 2}" for i in range(hints)}
    blocks["controlnet_cond_embedding.conv_in"] = "input_hint_block.0"
    blocks["controlnet_cond_embedding.conv_out"] = f"input_hint_block.{2 * hints + 2}"
    blocks["controlnet_mid_block"] = "middle_block_out.0"
    resnet = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1"}
    resnet |= {"norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
    named = {}
    for name, weight in state.items():
        named[PREFIX + renamed(name, blocks, resnet if ".resnets." in name else {})] = weight
    assert len(named) == len(state)
    back = converters.convert_controlnet_checkpoint(dict(named), {**TINY, "class_embed_type": None, "addition_embed_type": None})
    assert back.keys() == state.keys(), back.keys() ^ state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)
    return named


def tiny(out):
    """tiny-controlnet/: the file, one run of the network, one picture."""
    folder = out / "tiny-controlnet"
    folder.mkdir(parents=True, exist_ok=True)
    net = random_weights(ControlNetModel(**TINY), 5, {})
    state = original_names(net.state_dict())
    write_tensors(folder / "model.safetensors", {name: weight.half() for name, weight in sorted(state.items())})
    generator = torch.Generator().manual_seed(6)
    sample = torch.randn(2, 4, 16, 16, generator=generator)
    context = torch.randn(2, 77, UNET["cross_attention_dim"], generator=generator)
    guide = torch.rand(1, 3, 128, 128, generator=generator).half().float()
    downs, middle = net(sample, 500.0, context, guide.expand(2, -1, -1, -1), return_dict=False)
    tensors = {"sample": sample, "context": context, "guide": guide.half()}
    tensors |= {f"residual.{i}": residual for i, residual in enumerate([*downs, middle])}
    write_tensors(folder / "network.safetensors", tensors)
    base = diffusers.StableDiffusionPipeline.from_single_file(
        str(out / "tiny-sd1/model.safetensors"), config=str(out / "tiny-sd1/config"), torch_dtype=torch.float32,
        local_files_only=True, safety_checker=None,
    )
    base.scheduler = diffusers.EulerDiscreteScheduler.from_config(base.scheduler.config)
    control = {"guideImage": "../controlnet/guide-colours.png", "weight": 0.7}
    task = TASK | {"controlNet": [{"model": "local:tiny-controlnet@1"} | control]}
    picture, guided = draw(base, net, folder, task)
    picture.save(folder / "picture.png", optimize=True)
    entry = {"name": "tiny-controlnet", "task": task, "pictures": ["picture.png"], "guided": guided}
    write_json(folder / "picture.json", [entry])


def main():
    args = arguments(__doc__)
    folder = args.out / "controlnet"
    folder.mkdir(parents=True, exist_ok=True)
    make_inputs(folder)
    # First: what `demo_pipeline` adds to CLIPTextModel keeps single files from being read.
    tiny(args.out)
    base = demo_pipeline(args.model)
    schedulers = fresh_schedulers(base.scheduler.config)
    entries = make(base, args.model, schedulers, folder)
    (args.out / "controlnet.json").write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
