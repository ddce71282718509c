"""Image-to-image of the demo model, made by diffusers' StableDiffusionImg2ImgPipeline in float32.

    python image_to_image.py --model DEMO_MODEL_FOLDER [--out FOLDER] [--check]

Writes image_to_image.json, image_to_image/*.png and image_to_image.safetensors (the final latent of every picture,
f32 [1, 4, h/8, w/8], in the UNet's scale). Entries are those of pictures.json; `seedImage` of a task is the file name
of one of the two sources, which lie beside the pictures and are put together here out of pictures/. Image k of a
task has seed + k and is a run of its own. `diffusers` also holds `firstIndex`, where in `timesteps` the run began.
`--check` makes every stored picture again without the pipeline (by_hand.py) and compares bits.

What the pipeline does, in order, with one generator seeded with the picture's seed:

1. The init image. The pipeline takes no width and height: the picture has the init image's size, each side cut to a
   multiple of 8 by a Lanczos resize (none here: all sizes fit, so no pixel is resampled). byte / 255 * 2 - 1.
   The image must be RGB already: RGBA would be taken for a latent, grey fails.
2. `set_timesteps(steps)` as for text-to-image: the whole schedule, whatever the strength.
3. `get_timesteps`: n = min(int(steps * strength), steps) steps run, the product taken in doubles and cut, not rounded
   (15 * 0.3 = 4.5 -> 4, 11 * 0.8 = 8.8 -> 8, 20 * 0.05 -> 1). The run begins at step steps - n, which is
   timesteps[(steps - n) * order], order 2 for Heun (whose `timesteps` hold every step but the first twice: the run
   begins with the predictor at the second of the two equal entries and calls the UNet 2n - 1 times), else 1.
   What a solver asks about the schedule's length ("fewer than 15 steps", "the last step") it asks of the whole
   schedule; what it asks about earlier steps (orders of DPM++ 2M and UniPC) begins anew with the first step run.
4. Draw 1, [1, 4, h/8, w/8]: the VAE's posterior, mean + exp(0.5 * clamp(logvar, -30, 20)) * draw, times the VAE's
   scaling factor.
5. Draw 2, same shape: the noise.
6. `add_noise` at the first timestep run, index i (an index of `sigmas` and of `timesteps`):
   Euler, Euler a, Heun       x = latent + sigmas[i] * noise                    (never `init_noise_sigma`)
   DPM++ 2M (Karras), UniPC   a = 1 / sqrt(sigmas[i]^2 + 1); x = a * latent + sigmas[i] * a * noise
                              (from sigmas[i], not from the timestep, which Karras rounds)
   DDIM, LCM                  a = alphas_cumprod[timesteps[i]]; x = sqrt(a) * latent + sqrt(1 - a) * noise
7. The loop of text-to-image over the timesteps left. Euler a and LCM draw on from the same generator: their first
   step's noise is draw 3.
8. Decoding as for text-to-image; no draw.

Strength 1 is no special case: all steps run, and the start is still image + noise at timesteps[0], by draw 2, so the
image shines through a little, and the picture is not that of text-to-image with the same seed.
Strength so small that int(steps * strength) = 0: no timestep is left, the noised latent becomes a batch of 0 and
decoding it fails with a RuntimeError for all eight schedulers. There is no picture to go by.
"""

import json

import by_hand
import diffusers
import safetensors.torch
import torch
from PIL import Image
from pictures import APPLE, CAR, CROWN, DOG, FOX, PANDA, RAINBOW, ROCKET, SCHEDULERS
from reference import FOLDER, arguments, demo_pipeline, write_tensors

SQUARE, WIDE = "source-square.png", "source-wide.png"

# name, source, prompt, scheduler, strength, seed, steps, CFGScale, then what else is set
CASES = [
    ("euler-080", SQUARE, FOX, "Euler", 0.8, 3, 20, 5.0, {}),
    ("euler-030-cut", SQUARE, PANDA, "Euler", 0.3, 7, 15, 5.0, {}),
    ("euler-100-wide", WIDE, CAR, "Euler", 1.0, 12, 12, 5.0, {}),
    ("euler-a-080-wide", WIDE, ROCKET, "Euler a", 0.8, 1, 20, 5.0, {"negativePrompt": "a red background, flat style"}),
    ("euler-a-030-large-seed", SQUARE, DOG, "Euler a", 0.3, 3614157524222286419, 16, 5.0, {}),
    ("euler-a-100-two-results", SQUARE, APPLE, "Euler a", 1.0, 41, 10, 5.0, {"numberResults": 2}),
    ("ddim-005", SQUARE, DOG, "DDIM", 0.05, 42, 20, 4.5, {}),
    ("ddim-080", SQUARE, CROWN, "DDIM", 0.8, 5, 15, 4.5, {}),
    ("ddim-100-wide", WIDE, RAINBOW, "DDIM", 1.0, 2, 10, 5.0, {}),
    ("dpmpp-2m-005-wide", WIDE, ROCKET, "DPM++ 2M", 0.05, 9, 20, 5.0, {}),
    ("dpmpp-2m-030-wide", WIDE, ROCKET, "DPM++ 2M", 0.3, 11, 20, 5.0, {}),
    ("dpmpp-2m-080-cut", SQUARE, APPLE, "DPM++ 2M", 0.8, 2, 11, 5.0, {}),
    # Guidance is off at 1: the negative prompt must change nothing.
    ("dpmpp-2m-080-no-guidance", SQUARE, RAINBOW, "DPM++ 2M", 0.8, 6, 16, 1.0, {"negativePrompt": "a red heart"}),
    ("dpmpp-2m-karras-080", SQUARE, CROWN, "DPM++ 2M Karras", 0.8, 7, 14, 5.0, {}),
    ("dpmpp-2m-karras-030-wide", WIDE, CAR, "DPM++ 2M Karras", 0.3, 8, 20, 5.0, {}),
    ("unipc-005", SQUARE, DOG, "UniPC", 0.05, 4, 20, 5.0, {}),
    ("unipc-080-wide", WIDE, FOX, "UniPC", 0.8, 42, 16, 5.0, {}),
    ("unipc-100", SQUARE, PANDA, "UniPC", 1.0, 13, 12, 5.0, {}),
    ("heun-030-wide-cut", WIDE, RAINBOW, "Heun", 0.3, 1234, 15, 5.0, {}),
    ("heun-080", SQUARE, APPLE, "Heun", 0.8, 21, 10, 5.0, {}),
    ("lcm-030", SQUARE, DOG, "LCM", 0.3, 3, 10, 1.5, {}),
    ("lcm-080-wide", WIDE, RAINBOW, "LCM", 0.8, 17, 10, 1.5, {}),
]


def fresh_schedulers(config):
    """By API name, what makes a new scheduler: nothing of one run may reach the next."""
    return {
        name: lambda kind=kind, options=options: getattr(diffusers, kind).from_config(config, **options)
        for name, (kind, options) in SCHEDULERS.items()
    }


def make_sources(folder):
    """128x128: the dog, mirrored. 192x128: the rocket and, right of it, the middle of the rainbow."""
    pictures = FOLDER / "pictures"
    square = Image.open(pictures / "unipc-dog.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    wide = Image.new("RGB", (192, 128))
    wide.paste(Image.open(pictures / "euler-a-rocket.png"), (0, 0))
    wide.paste(Image.open(pictures / "lcm-rainbow.png").crop((32, 0, 96, 128)), (128, 0))
    square.save(folder / SQUARE, optimize=True)
    wide.save(folder / WIDE, optimize=True)


def task_of(source, prompt, scheduler, strength, seed, steps, scale, other):
    """The imageInference task of a case."""
    task = {"taskType": "imageInference", "model": "local:demo@1", "positivePrompt": prompt}
    task |= {"width": 192 if source == WIDE else 128, "height": 128, "steps": steps, "CFGScale": scale}
    return task | {"scheduler": scheduler, "seed": seed, "seedImage": source, "strength": strength} | other


def draw(pipe, folder, task, seed):
    """One picture and its final latent, as a run of its own."""
    last = {}

    def keep(_pipe, _step, _timestep, tensors):
        last["latents"] = tensors["latents"].clone()
        return tensors

    picture = pipe(
        task["positivePrompt"],
        image=Image.open(folder / task["seedImage"]),
        strength=task["strength"],
        negative_prompt=task.get("negativePrompt"),
        num_inference_steps=task["steps"],
        guidance_scale=task["CFGScale"],
        generator=torch.Generator("cpu").manual_seed(seed),
        callback_on_step_end=keep,
    ).images[0]
    assert picture.size == (task["width"], task["height"])
    return picture, last["latents"]


def make(pipe, schedulers, folder):
    """All pictures, their entries and their final latents."""
    entries, latents = [], {}
    for name, *case in CASES:
        task = task_of(*case)
        names = []
        for k in range(task.get("numberResults", 1)):
            pipe.scheduler = schedulers[task["scheduler"]]()
            picture, latent = draw(pipe, folder, task, task["seed"] + k)
            file = f"{name}-{k}" if "numberResults" in task else name
            picture.save(folder / f"{file}.png", optimize=True)
            latents[file] = latent
            names.append(f"{file}.png")
        kind, options = SCHEDULERS[task["scheduler"]]
        reference = {"class": kind, "options": options, "timesteps": [float(t) for t in pipe.scheduler.timesteps]}
        reference["firstIndex"] = len(pipe.scheduler.timesteps) - pipe.num_timesteps
        entries.append({"name": name, "task": task, "pictures": names, "diffusers": reference})
        print(name, flush=True)
    return entries, latents


def by_parts(pipe, folder, task, seed):
    """The same picture and latent without the pipeline: points 1 to 8 of the text above."""
    generator = torch.Generator("cpu").manual_seed(seed)
    scheduler = pipe.scheduler
    scheduler.set_timesteps(task["steps"])
    begin = by_hand.first_step(task) * scheduler.order
    latent = by_hand.sampled_latent(pipe, by_hand.pixels(folder / task["seedImage"]), generator)
    noise = torch.randn(latent.shape, generator=generator)
    start = by_hand.noised(scheduler, latent, noise, begin)
    latent = by_hand.denoise(pipe, task, start, begin, generator)
    return by_hand.decoded(pipe, latent), latent, begin


def check(pipe, schedulers, out):
    """Every stored picture by hand, and the strength that leaves no step."""
    folder = out / "image_to_image"
    latents = safetensors.torch.load_file(out / "image_to_image.safetensors")
    entries = json.loads((out / "image_to_image.json").read_text())
    for entry in entries:
        task = entry["task"]
        for k, file in enumerate(entry["pictures"]):
            pipe.scheduler = schedulers[task["scheduler"]]()
            picture, latent, begin = by_parts(pipe, folder, task, task["seed"] + k)
            by_hand.assert_same(entry["name"], folder / file, picture, latent, latents[file.removesuffix(".png")])
            assert begin == entry["diffusers"]["firstIndex"]
    for scheduler, fresh in schedulers.items():
        pipe.scheduler = fresh()
        none = task_of(SQUARE, DOG, scheduler, 0.05, 1, 10, 5.0, {})
        by_hand.assert_refused(lambda task=none: draw(pipe, folder, task, 1), RuntimeError, "0 elements")
    print(f"{sum(len(entry['pictures']) for entry in entries)} pictures agree")


def main():
    args = arguments(__doc__, check="compare what is stored with a run by hand")
    folder = args.out / "image_to_image"
    folder.mkdir(parents=True, exist_ok=True)
    base = demo_pipeline(args.model)
    schedulers = fresh_schedulers(base.scheduler.config)
    pipe = diffusers.StableDiffusionImg2ImgPipeline(**base.components, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    if args.check:
        return check(pipe, schedulers, args.out)
    make_sources(folder)
    entries, latents = make(pipe, schedulers, folder)
    (args.out / "image_to_image.json").write_text(json.dumps(entries, indent=1) + "\n")
    write_tensors(args.out / "image_to_image.safetensors", latents)


if __name__ == "__main__":
    main()
