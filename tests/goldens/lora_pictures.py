"""Pictures of the demo model with LoRAs, made by diffusers in float32.

    python lora_pictures.py --model DEMO_MODEL_FOLDER [--out FOLDER]

Writes lora_pictures.json, lora_pictures/*.png and two random LoRAs beside them: text.safetensors (diffusers layout, every
attention projection of the text encoder and the feed-forward parts of the UNet, ranks 4 and 8) and
locon.safetensors (kohya layout, convolutions of the UNet's first half, rank 4). The third is the demo model's own,
addons/lora-outline.safetensors. `lora` of a task names these files without their ending.

`load_lora_weights`, then `set_adapters` with the weights, not fused. Every picture is made again with `fuse_lora` into
the weights; the two differ by at most FUSED of 255 or the script fails. Weight 0 is the picture without.
"""

import copy
import json

import numpy as np
import safetensors.torch
import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler
from reference import arguments, demo_pipeline, write_tensors

FUSED = 2
HEART, APPLE, STAR = "a red heart", "an apple, flat style", "a star, 3d style, on a purple background"
OUTLINE, TEXT, LOCON = "lora-outline", "text", "locon"

# name, prompt, scheduler, seed, steps, CFGScale, LoRAs and weights, what else is set
CASES = [
    ("outline", HEART, "DPM++ 2M", 5, 16, 5.0, [(OUTLINE, 1.0)], {}),
    ("outline-negative", HEART, "DPM++ 2M", 5, 16, 5.0, [(OUTLINE, -1.0)], {}),
    ("outline-zero", HEART, "DPM++ 2M", 5, 16, 5.0, [(OUTLINE, 0.0)], {}),
    ("outline-half", APPLE, "Euler", 3, 12, 5.0, [(OUTLINE, 0.5)], {}),
    ("outline-two", HEART, "Euler", 5, 12, 5.0, [(OUTLINE, 2.0)], {}),
    ("text", STAR, "Euler", 9, 12, 5.0, [(TEXT, 1.0)], {"negativePrompt": "flat style"}),
    ("locon", STAR, "DPM++ 2M", 9, 12, 5.0, [(LOCON, 0.5)], {}),
    ("stack", STAR, "Euler", 7, 12, 5.0, [(OUTLINE, 0.7), (TEXT, -1.0), (LOCON, 0.5)], {}),
    ("stack-clip-skip", APPLE, "DPM++ 2M", 8, 12, 4.0, [(LOCON, 0.6), (TEXT, 2.0), (OUTLINE, 0.5)], {"clipSkip": 1}),
]
SCHEDULERS = {"DPM++ 2M": DPMSolverMultistepScheduler, "Euler": EulerDiscreteScheduler}


def pair(weight, rank, strength, generator):
    """Random down and up matrices whose product is `strength` of the weight's size."""
    outside, inside = weight.shape[0], weight[0].numel()
    down = torch.randn(rank, inside, generator=generator)
    up = torch.randn(outside, rank, generator=generator)
    size = weight.norm() / (up @ down).norm() * strength
    return down * size.sqrt(), up * size.sqrt()


def text_lora(pipe):
    """Text encoder and feed-forward parts, diffusers layout."""
    generator = torch.Generator().manual_seed(1)
    tensors = {}
    parts = [
        ("text_encoder", pipe.text_encoder, (".q_proj", ".k_proj", ".v_proj", ".out_proj"), 4, 0.5),
        ("unet", pipe.unet, (".ff.net.0.proj", ".ff.net.2"), 8, 0.3),
    ]
    for prefix, network, ends, rank, strength in parts:
        for name, module in network.named_modules():
            if name.endswith(ends):
                down, up = pair(module.weight, rank, strength, generator)
                root = f"{prefix}.{name}" if name.startswith("text_model") or prefix == "unet" else f"{prefix}.text_model.{name}"
                tensors[f"{root}.lora_A.weight"] = down.half()
                tensors[f"{root}.lora_B.weight"] = up.half()
    return tensors


def locon_lora(pipe):
    """Convolutions, kohya layout."""
    generator = torch.Generator().manual_seed(2)
    tensors = {}
    for name, module in pipe.unet.named_modules():
        if not name.startswith(("down", "mid")) or not name.endswith((".conv1", ".conv2", ".downsamplers.0.conv")):
            continue
        down, up = pair(module.weight, 4, 0.8, generator)
        root = "lora_unet_" + name.replace(".", "_")
        tensors[f"{root}.lora_down.weight"] = down.reshape(4, *module.weight.shape[1:]).half()
        tensors[f"{root}.lora_up.weight"] = up.reshape(-1, 4, 1, 1).half()
        tensors[f"{root}.alpha"] = torch.tensor(4.0)
    return tensors


def tensors_of(path):
    """A file as diffusers 0.42 wants it beside transformers 5, whose CLIPTextModel has no `text_model` inside."""
    tensors = safetensors.torch.load_file(path)
    return {name.replace("text_encoder.text_model.", "text_encoder."): tensor for name, tensor in tensors.items()}


def run(pipe, case):
    _, prompt, scheduler, seed, steps, scale, _, rest = case
    pipe.scheduler = SCHEDULERS[scheduler].from_config(pipe.scheduler.config)
    picture = pipe(
        prompt,
        negative_prompt=rest.get("negativePrompt"),
        width=128,
        height=128,
        num_inference_steps=steps,
        guidance_scale=scale,
        clip_skip=rest.get("clipSkip"),
        generator=torch.Generator().manual_seed(seed),
    )
    return picture.images[0]


def main():
    args = arguments(__doc__)
    folder = args.out / "lora_pictures"
    folder.mkdir(parents=True, exist_ok=True)
    pipe = demo_pipeline(args.model)
    write_tensors(folder / f"{TEXT}.safetensors", text_lora(pipe))
    write_tensors(folder / f"{LOCON}.safetensors", locon_lora(pipe))
    files = {OUTLINE: args.model / "addons" / f"{OUTLINE}.safetensors"}
    files |= {name: folder / f"{name}.safetensors" for name in (TEXT, LOCON)}

    entries = []
    for case in CASES:
        name, prompt, scheduler, seed, steps, scale, loras, rest = case
        pictures = []
        for fused in (False, True):
            pipe = demo_pipeline(args.model)
            names = [lora.replace("-", "_") for lora, _ in loras]
            for adapter, (lora, _) in zip(names, loras):
                pipe.load_lora_weights(tensors_of(files[lora]), adapter_name=adapter)
            if TEXT in names:
                changed = [name for name, _ in pipe.text_encoder.named_parameters() if ".lora_A." in name]
                assert len(changed) == 4 * pipe.text_encoder.config.num_hidden_layers, changed
            pipe.set_adapters(names, [weight for _, weight in loras])
            if fused:
                pipe.fuse_lora(adapter_names=names)
            pictures.append(run(pipe, case))
        plain, fused = (np.asarray(picture).astype(int) for picture in pictures)
        bare = np.asarray(run(demo_pipeline(args.model), case)).astype(int)
        apart = abs(plain - fused).max()
        print(f"{name}: fused {apart}/255 apart, without LoRA {abs(plain - bare).mean():.1f}/255 in the mean")
        assert apart <= FUSED, name
        assert (abs(plain - bare).max() == 0) == all(weight == 0 for _, weight in loras)
        pictures[0].save(folder / f"{name}.png", optimize=True)
        task = {"taskType": "imageInference", "positivePrompt": prompt, "model": "local:demo@1", "width": 128, "height": 128}
        task |= {"steps": steps, "seed": seed, "CFGScale": scale, "scheduler": scheduler} | rest
        task["lora"] = [{"model": lora, "weight": weight} for lora, weight in loras]
        entries.append({"task": task, "picture": f"{name}.png"})
    (args.out / "lora_pictures.json").write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
