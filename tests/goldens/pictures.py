"""Whole pictures of the demo model, made by diffusers' StableDiffusionPipeline in float32.

    python pictures.py --model DEMO_MODEL_FOLDER [--out FOLDER]

Writes pictures.json, pictures/*.png and pictures.safetensors (the final latent of every picture, f32
[1, 4, h/8, w/8], as the UNet knows it: before the division by the VAE's scaling factor).
Each entry of pictures.json holds the imageInference task, the PNGs (image k has seed + k), and what
diffusers was told: scheduler class, options on top of the model's scheduler config, timesteps.
PNGs are the pipeline's PIL output, whose pixels are rounded to nearest (ties to even).
"""

import json

import diffusers
import torch
from reference import arguments, demo_pipeline, write_tensors

# API name: class and options given to Class.from_config(model's scheduler config, **options)
SCHEDULERS = {
    "Euler": ("EulerDiscreteScheduler", {}),
    "Euler a": ("EulerAncestralDiscreteScheduler", {}),
    "DDIM": ("DDIMScheduler", {}),
    "DPM++ 2M": ("DPMSolverMultistepScheduler", {}),
    "DPM++ 2M Karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "UniPC": ("UniPCMultistepScheduler", {}),
    "LCM": ("LCMScheduler", {}),
    "Heun": ("HeunDiscreteScheduler", {}),
}

PANDA = "a panda, 3d style, on a green background"
ROCKET = "a rocket, 3d style, on a purple background"
DOG = "a dog, flat style, on a green background"
CAR = "a car, noto style, on a yellow background"
RAINBOW = "a rainbow, flat style, on a black background"
CROWN = "a crown, flat style, on a blue background"
FOX = "a fox, noto style, on a teal background"
APPLE = "a red apple, 3d style, on a blue background"

# name, prompt, scheduler, seed, steps, CFGScale, then what differs from 128x128 with nothing else set
CASES = [
    ("euler-panda", PANDA, "Euler", 3, 20, 5.0, {}),
    ("euler-a-rocket", ROCKET, "Euler a", 1, 20, 5.0, {}),
    ("ddim-fox-negative", FOX, "DDIM", 42, 20, 4.5, {"negativePrompt": "a red background, flat style"}),
    ("dpmpp-2m-car-wide", CAR, "DPM++ 2M", 2, 20, 5.0, {"width": 192}),
    ("dpmpp-2m-karras-crown-tall", CROWN, "DPM++ 2M Karras", 7, 14, 5.0, {"height": 192}),
    ("unipc-dog", DOG, "UniPC", 42, 16, 5.0, {}),
    ("lcm-rainbow", RAINBOW, "LCM", 3, 8, 1.5, {}),
    ("heun-apple", APPLE, "Heun", 1234, 10, 5.0, {}),
    # Guidance is off at 1: the negative prompt must change nothing.
    ("dpmpp-2m-no-guidance", RAINBOW, "DPM++ 2M", 5, 20, 1.0, {"negativePrompt": "a red heart"}),
    # Above 2^53: a double would lose its last digits.
    ("euler-a-large-seed", PANDA, "Euler a", 3614157524222286419, 12, 5.0, {}),
    ("dpmpp-2m-clip-skip", CROWN, "DPM++ 2M", 11, 12, 5.0, {"clipSkip": 1}),
    ("dpmpp-2m-few-steps", DOG, "DPM++ 2M", 2, 5, 5.0, {}),
    ("euler-a-two-results", FOX, "Euler a", 41, 12, 5.0, {"numberResults": 2}),
]


def draw(pipe, task, seed):
    """One picture and its final latent, as a run of its own."""
    last = {}

    def keep(_pipe, _step, _timestep, tensors):
        last["latents"] = tensors["latents"].clone()
        return tensors

    picture = pipe(
        task["positivePrompt"],
        negative_prompt=task.get("negativePrompt"),
        width=task["width"],
        height=task["height"],
        num_inference_steps=task["steps"],
        guidance_scale=task["CFGScale"],
        clip_skip=task.get("clipSkip"),
        generator=torch.Generator("cpu").manual_seed(seed),
        callback_on_step_end=keep,
    ).images[0]
    return picture, last["latents"]


def main():
    args = arguments(__doc__)
    folder = args.out / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    pipe = demo_pipeline(args.model)
    own_config = pipe.scheduler.config
    entries, latents = [], {}
    for name, prompt, scheduler, seed, steps, scale, other in CASES:
        task = {"taskType": "imageInference", "model": "local:demo@1", "positivePrompt": prompt}
        task |= {"width": 128, "height": 128, "steps": steps, "CFGScale": scale, "scheduler": scheduler, "seed": seed} | other
        kind, options = SCHEDULERS[scheduler]
        names = []
        for k in range(task.get("numberResults", 1)):
            # A fresh scheduler each time: nothing of one run may reach the next.
            pipe.scheduler = getattr(diffusers, kind).from_config(own_config, **options)
            picture, latent = draw(pipe, task, seed + k)
            file = f"{name}-{k}" if "numberResults" in task else name
            picture.save(folder / f"{file}.png", optimize=True)
            latents[file] = latent
            names.append(f"{file}.png")
        reference = {"class": kind, "options": options, "timesteps": [float(t) for t in pipe.scheduler.timesteps]}
        entries.append({"name": name, "task": task, "pictures": names, "diffusers": reference})
        print(name, flush=True)
    (args.out / "pictures.json").write_text(json.dumps(entries, indent=1) + "\n")
    write_tensors(args.out / "pictures.safetensors", latents)


if __name__ == "__main__":
    main()
