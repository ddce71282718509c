"""Whole sampling loops of every scheduler class on a toy network: `python tests/goldens/sampling/loops.py --out FILE`.

One tensor for each configuration/sampler/spacing with rows (steps, first step, what the generator draws
after the loop, final latent). A first step above 0 starts from a picture as img2img does. `guided/…`
rows use classifier-free guidance of scale 5.
"""

import math

import torch
from safetensors.torch import save_file

from reference import CONFIGS, arguments, combinations

SHAPE = (1, 3, 2, 3)
SEED = 42
RUNS = [(1, 0), (2, 0), (3, 0), (5, 0), (10, 0), (14, 0), (15, 0), (20, 0), (50, 0), (10, 4), (20, 9)]
NAMES = ["demo", "bare", "leading", "velocity", "zero_snr", "cosine", "sigma_min", "clipped", "clean", "short", "guided"]


def toy(x, t, bias):
    """Stands for the network: bounded, mixes channels, depends on the timestep."""
    return torch.tanh(0.9 * x + 0.25 * torch.roll(x, -1, 1) + 0.3 * math.cos(0.003 * float(t)) + bias)


def network(name, x, t):
    if name.startswith("guided"):
        uncond, cond = toy(x, t, 0.0), toy(x, t, 0.1)
        return uncond + 5.0 * (cond - uncond)
    return toy(x, t, 0.0)


def loop(name, scheduler, steps, first):
    scheduler.set_timesteps(steps)
    timesteps = scheduler.timesteps[first * scheduler.order :]
    generator = torch.Generator("cpu").manual_seed(SEED)
    noise = torch.randn(SHAPE, generator=generator)
    if hasattr(scheduler, "set_begin_index"):
        # Otherwise the classes look for the first timestep, and find the second of two equal ones.
        scheduler.set_begin_index(first * scheduler.order)
    if first:
        picture = torch.linspace(-1, 1, noise.numel()).reshape(SHAPE)
        x = scheduler.add_noise(picture, noise, timesteps[:1])
    else:
        x = noise * scheduler.init_noise_sigma
    extra = {"generator": generator} if "generator" in scheduler.step.__code__.co_varnames else {}
    for t in timesteps:
        output = network(name, scheduler.scale_model_input(x, t), t)
        x = scheduler.step(output, t, x, **extra).prev_sample
    return torch.cat([torch.randn(1, generator=generator), x.flatten()])


CONFIGS["guided"] = CONFIGS["demo"]
tensors = {}
for name, make in combinations(NAMES):
    rows = []
    for steps, first in RUNS:
        try:
            x = loop(name, make(), steps, first)
        except (ValueError, IndexError, NotImplementedError):
            continue  # not offered by this class
        if x.isfinite().all() and steps < make().config.num_train_timesteps:
            rows.append(torch.cat([torch.tensor([float(steps), float(first)]), x]))
    if rows:
        tensors[name] = torch.stack(rows)
save_file(tensors, arguments("loops.safetensors").out)
