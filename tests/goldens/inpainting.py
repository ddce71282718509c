"""Inpainting of the demo model (a UNet of 4 channels), by diffusers' StableDiffusionInpaintPipeline in float32.

    python inpainting.py --model DEMO_MODEL_FOLDER [--out FOLDER] [--check]

Writes inpainting.json, inpainting/*.png and inpainting.safetensors (the final latent of every picture, after the last
blend, f32 [1, 4, h/8, w/8], in the UNet's scale). Entries are those of image_to_image.json with `maskImage` beside
`seedImage`, both file names; sources come out of pictures/, masks (one byte a pixel) are formulas. `pictures` is what
the pipeline gives, `pasted` the same with the original put back by the mask. `diffusers.latentMask` is the mask at
latent size, a row a string, "#" to be repainted. `--check` makes every stored picture again without the pipeline
(by_hand.py) and compares bits.

What the pipeline does, in order, with one generator seeded with the picture's seed:

1. `set_timesteps` and `get_timesteps` as in image_to_image.py. A strength that leaves no step raises ValueError.
2. The image: resized to width x height (Lanczos, aspect ratio not kept; none here), byte / 255 * 2 - 1.
3. Draw 1, [1, 4, h/8, w/8]: the VAE's posterior of the whole image (what the mask covers included), times the
   scaling factor. It is drawn at every strength, 1 too.
4. Draw 2, same shape: the noise. It starts the run, and the same noise serves every blend.
5. The start. Strength < 1: `add_noise(image latent, noise)` at the first timestep run, as in image_to_image.py.
   Strength exactly 1: the noise alone times `init_noise_sigma`, as for text-to-image; no image in it.
6. The mask: resized like the image (Lanczos), made grey, divided by 255, then binarised: 1 (repaint) where
   >= 0.5, which is a byte of 128 and more, else 0. So soft masks lose their softness here.
7. Draw 3, same shape: the VAE's posterior of the masked image (0, middle grey, where the mask is 1). A UNet of 4
   channels has no use for it and nothing of it reaches the picture; but it moves the generator on, so the steps of
   Euler a begin with draw 4.
8. The latent mask: the binary mask by "nearest" with the whole factor 8: cell (y, x) has pixel (8y, 8x), the first of
   its block; no mean, no dilation.
9. Every step: UNet and `scheduler.step` as for text-to-image, then, on what the step gives,
   latent = (1 - m) * known + m * latent, where known = add_noise(image latent, noise) at the level the step has just
   reached: sigmas[i + 1] for Euler, Euler a, DPM++ 2M and UniPC, alphas_cumprod[timesteps[i + 1]] for DDIM. After the
   last step known is the image latent itself. The start is not blended: at strength 1 the first step sees no image.
   A solver's memory is not blended either; what DPM++ 2M and UniPC keep of a step is the denoised answer, got from
   the blended latent that went into it. UniPC's corrector goes out from the latent it kept from one step before and
   does not read the blended one, save through that answer.
10. Decoding as for text-to-image. The picture of the pipeline is all decoded: pixels outside the mask went through
   the VAE and are near the original, not equal.

Pasting the original back is up to the caller (the pipeline does it only with `padding_mask_crop`); `pasted` is made by
`VaeImageProcessor.apply_overlay` with the mask as it came, softness and all: a pixel is the original where the mask's
byte m is 0, the pipeline's where it is 255, and less than 1.5 from (picture * m + original * (255 - m)) / 255 between
(premultiplied bytes, rounded on the way), so at most 1 from that value rounded.
"""

import json

import by_hand
import diffusers
import numpy as np
import safetensors.torch
import torch
from image_to_image import fresh_schedulers
from PIL import Image
from pictures import APPLE, CAR, CROWN, DOG, FOX, PANDA, RAINBOW, ROCKET, SCHEDULERS
from reference import FOLDER, arguments, demo_pipeline, write_tensors

SIZES = {"square": (128, 128), "wide": (192, 128), "tall": (128, 192)}
# Mirrored, so that none is a picture the model would give by itself.
SOURCES = {"square": "ddim-fox-negative.png", "wide": "dpmpp-2m-car-wide.png", "tall": "dpmpp-2m-karras-crown-tall.png"}

# name, size, mask, prompt, scheduler, strength, seed, steps, CFGScale, then what else is set
CASES = [
    ("euler-100", "square", "disc", APPLE, "Euler", 1.0, 3, 16, 5.0, {}),
    ("euler-070-soft-tall", "tall", "soft", PANDA, "Euler", 0.7, 19, 20, 5.0, {}),
    ("euler-a-100-wide", "wide", "bars", ROCKET, "Euler a", 1.0, 1, 16, 5.0, {"negativePrompt": "a yellow background"}),
    ("euler-a-070-soft", "square", "soft", DOG, "Euler a", 0.7, 41, 15, 5.0, {}),
    ("ddim-100-soft-wide", "wide", "ramp", RAINBOW, "DDIM", 1.0, 42, 20, 4.5, {}),
    ("ddim-070-tall", "tall", "disc", FOX, "DDIM", 0.7, 7, 15, 4.5, {}),
    ("dpmpp-2m-100-soft-tall", "tall", "soft", APPLE, "DPM++ 2M", 1.0, 2, 20, 5.0, {}),
    # 10 * 0.7 is 7 in doubles; 0.7 taken through a float would leave 6.
    ("dpmpp-2m-070", "square", "disc", PANDA, "DPM++ 2M", 0.7, 11, 10, 5.0, {}),
    ("unipc-100-wide", "wide", "bars", DOG, "UniPC", 1.0, 5, 12, 5.0, {}),
    ("unipc-070-soft", "square", "soft", CROWN, "UniPC", 0.7, 23, 20, 5.0, {}),
    ("heun-070", "square", "disc", FOX, "Heun", 0.7, 4, 10, 5.0, {}),
    ("heun-100-wide", "wide", "bars", CAR, "Heun", 1.0, 6, 8, 5.0, {}),
    ("lcm-070", "square", "disc", APPLE, "LCM", 0.7, 9, 10, 2.0, {}),
    # Guidance is off at 1: the mask is not halved with a batch of two.
    ("unipc-070-no-guidance", "square", "disc", CAR, "UniPC", 0.7, 8, 12, 1.0, {}),
]


def mask_of(kind, width, height):
    """A mask's bytes [height, width]; whole numbers only, none along the latent's grid of 8."""
    y, x = np.mgrid[:height, :width]
    square = (x - width // 2 - 5) ** 2 + (y - height // 2 + 3) ** 2
    if kind == "disc":
        return np.where(square < 37**2, 255, 0)
    if kind == "soft":
        return np.clip(255 - (square - 24**2) * 255 // (56**2 - 24**2), 0, 255)
    if kind == "ramp":
        # 127 at column 113, 128 at column 112, the first of a block: exactly the edge of what is repainted.
        return np.clip(128 + (112 - x) * 2 + (x > 112), 0, 255)
    # A block off the grid, a line of one pixel where the latent mask looks, and one where it does not.
    block = (x >= 21) & (x < 93) & (y >= 38) & (y < 107)
    return np.where(block | (x == 136) | (x == 165), 255, 0)


def make_inputs(folder):
    """Three sources and every mask that a case asks for."""
    for size, file in SOURCES.items():
        mirrored = Image.open(FOLDER / "pictures" / file).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        assert mirrored.size == SIZES[size]
        mirrored.save(folder / f"source-{size}.png", optimize=True)
    for size, kind in sorted({case[1:3] for case in CASES}):
        mask = mask_of(kind, *SIZES[size]).astype(np.uint8)
        Image.fromarray(mask).save(folder / f"mask-{kind}-{size}.png", optimize=True)


def task_of(size, mask, prompt, scheduler, strength, seed, steps, scale, other):
    """The imageInference task of a case."""
    width, height = SIZES[size]
    task = {"taskType": "imageInference", "model": "local:demo@1", "positivePrompt": prompt}
    task |= {"width": width, "height": height, "steps": steps, "CFGScale": scale, "scheduler": scheduler, "seed": seed}
    task |= {"seedImage": f"source-{size}.png", "maskImage": f"mask-{mask}-{size}.png", "strength": strength}
    return task | other


def draw(pipe, folder, task):
    """The picture, its final latent and the mask at latent size."""
    last = {}

    def keep(_pipe, _step, _timestep, tensors):
        last.update({name: tensor.clone() for name, tensor in tensors.items()})
        return tensors

    picture = pipe(
        task["positivePrompt"],
        image=Image.open(folder / task["seedImage"]),
        mask_image=Image.open(folder / task["maskImage"]),
        width=task["width"],
        height=task["height"],
        strength=task["strength"],
        negative_prompt=task.get("negativePrompt"),
        num_inference_steps=task["steps"],
        guidance_scale=task["CFGScale"],
        generator=torch.Generator("cpu").manual_seed(task["seed"]),
        callback_on_step_end=keep,
        callback_on_step_end_tensor_inputs=["latents", "mask"],
    ).images[0]
    return picture, last["latents"], last["mask"][0, 0]


def make(pipe, schedulers, folder):
    """All pictures, their entries and their final latents."""
    entries, latents = [], {}
    for name, *case in CASES:
        task = task_of(*case)
        pipe.scheduler = schedulers[task["scheduler"]]()
        picture, latents[name], mask = draw(pipe, folder, task)
        picture.save(folder / f"{name}.png", optimize=True)
        images = [Image.open(folder / task[key]) for key in ("maskImage", "seedImage")]
        pasted = pipe.image_processor.apply_overlay(*images, picture)
        pasted.save(folder / f"{name}.pasted.png", optimize=True)
        kind, options = SCHEDULERS[task["scheduler"]]
        reference = {"class": kind, "options": options, "timesteps": [float(t) for t in pipe.scheduler.timesteps]}
        reference["firstIndex"] = len(pipe.scheduler.timesteps) - pipe.num_timesteps
        assert set(mask.flatten().tolist()) == {0.0, 1.0}
        reference["latentMask"] = ["".join("#" if cell else "." for cell in row) for row in mask]
        entry = {"name": name, "task": task, "pictures": [f"{name}.png"], "pasted": [f"{name}.pasted.png"]}
        entries.append(entry | {"diffusers": reference})
        print(name, flush=True)
    return entries, latents


def by_parts(pipe, folder, task):
    """The same picture, latent and latent mask without the pipeline: points 1 to 10 of the text above."""
    generator = torch.Generator("cpu").manual_seed(task["seed"])
    scheduler = pipe.scheduler
    scheduler.set_timesteps(task["steps"])
    begin = by_hand.first_step(task)
    # Contiguous as in the pipeline, for the last bits (see by_hand.pixels).
    image = by_hand.sampled_latent(pipe, by_hand.pixels(folder / task["seedImage"]), generator).contiguous()
    noise = torch.randn(image.shape, generator=generator)
    start = by_hand.noised(scheduler, image, noise, begin)
    if task["strength"] == 1:
        start = noise * scheduler.init_noise_sigma
    torch.randn(image.shape, generator=generator)  # of the masked image's posterior, whose mean nobody needs
    cells = np.asarray(Image.open(folder / task["maskImage"]))[::8, ::8] >= 128
    mask = torch.from_numpy(cells.astype(np.float32))[None, None]

    def blend(latent, index):
        left = index + 1 < len(scheduler.timesteps)
        known = by_hand.noised(scheduler, image, noise, index + 1) if left else image
        return (1 - mask) * known + mask * latent

    latent = by_hand.denoise(pipe, task, start, begin, generator, blend)
    return by_hand.decoded(pipe, latent), latent, cells


def check_pasted(folder, entry):
    """What is said of `pasted`; gives the largest distance from the formula."""
    files = [entry["pictures"][0], entry["task"]["seedImage"], entry["pasted"][0], entry["task"]["maskImage"]]
    picture, source, pasted, mask = (np.asarray(Image.open(folder / file)).astype(float) for file in files)
    mask = mask[..., None]
    apart = np.abs(pasted - (picture * mask + source * (255 - mask)) / 255)
    assert apart.max() < 1.5 and apart[np.broadcast_to((mask == 0) | (mask == 255), apart.shape)].max() == 0
    # The decoded picture by itself is not the original outside the mask.
    assert (picture != source)[np.broadcast_to(mask == 0, apart.shape)].any()
    return apart.max()


def check_corrector(schedulers):
    """UniPC's corrector gives the same whatever latent it is handed as the one of this step."""
    scheduler = schedulers["UniPC"]()
    scheduler.set_timesteps(12)
    scheduler.set_begin_index(4)
    kept, answer, blended = torch.randn(3, 1, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    scheduler.step(answer, scheduler.timesteps[4], kept)
    corrected = [
        scheduler.multistep_uni_c_bh_update(answer, last_sample=kept, this_sample=handed, order=1)
        for handed in (blended, torch.zeros_like(blended))
    ]
    assert torch.equal(*corrected)


def check(pipe, schedulers, out):
    """Every stored picture by hand, pasting, UniPC's corrector and the strength that leaves no step."""
    folder = out / "inpainting"
    latents = safetensors.torch.load_file(out / "inpainting.safetensors")
    entries = json.loads((out / "inpainting.json").read_text())
    farthest = 0
    for entry in entries:
        name, task = entry["name"], entry["task"]
        pipe.scheduler = schedulers[task["scheduler"]]()
        picture, latent, cells = by_parts(pipe, folder, task)
        by_hand.assert_same(name, folder / entry["pictures"][0], picture, latent, latents[name])
        assert ["".join("#" if cell else "." for cell in row) for row in cells] == entry["diffusers"]["latentMask"]
        farthest = max(farthest, check_pasted(folder, entry))
    check_corrector(schedulers)
    for scheduler, fresh in schedulers.items():
        pipe.scheduler = fresh()
        none = task_of("square", "disc", DOG, scheduler, 0.05, 1, 10, 5.0, {})
        by_hand.assert_refused(lambda task=none: draw(pipe, folder, task), ValueError, "which is < 1")
    print(f"{len(entries)} pictures agree; pasted ones are at most {farthest:.3f} from the formula")


def main():
    args = arguments(__doc__, check="compare what is stored with a run by hand")
    folder = args.out / "inpainting"
    folder.mkdir(parents=True, exist_ok=True)
    base = demo_pipeline(args.model)
    schedulers = fresh_schedulers(base.scheduler.config)
    pipe = diffusers.StableDiffusionInpaintPipeline(**base.components, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    if args.check:
        return check(pipe, schedulers, args.out)
    make_inputs(folder)
    entries, latents = make(pipe, schedulers, folder)
    (args.out / "inpainting.json").write_text(json.dumps(entries, indent=1) + "\n")
    write_tensors(args.out / "inpainting.safetensors", latents)


if __name__ == "__main__":
    main()
