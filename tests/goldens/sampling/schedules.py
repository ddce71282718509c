"""Noise levels of every scheduler class: `python tests/goldens/sampling/schedules.py --out FILE`.

One tensor for each configuration/sampler/spacing; for each number of steps a row (steps, init_noise_sigma)
and then (sigma, timestep) of each level, or of every tenth one above 20 steps. DDIM and LCM have no sigmas
of their own; theirs follow from alphas_cumprod. The end has timestep 0.
"""

import numpy as np
import torch
from safetensors.numpy import save_file

from reference import CONFIGS, arguments, combinations

# Not those that differ from another one in the loop only.
NAMES = [name for name in CONFIGS if name not in ("velocity", "clipped", "clean")]
STEPS = [1, 2, 3, 5, 10, 14, 15, 20, 30, 48, 50, 100]


def sigma_of(alpha):
    return ((1 - alpha) / alpha) ** 0.5


def levels(scheduler, steps):
    timesteps = scheduler.timesteps
    if hasattr(scheduler, "sigmas"):
        return scheduler.sigmas, timesteps
    alphas = scheduler.alphas_cumprod[timesteps]
    if type(scheduler).__name__ == "LCMScheduler":
        end = torch.tensor(1.0)
    else:
        before = timesteps[-1] - scheduler.config.num_train_timesteps // steps
        end = scheduler.alphas_cumprod[before] if before >= 0 else scheduler.final_alpha_cumprod
    return sigma_of(torch.cat([alphas, end[None]])), timesteps


tensors = {}
for name, make in combinations(NAMES):
    rows = []
    for steps in STEPS:
        scheduler = make()
        try:
            scheduler.set_timesteps(steps)
            sigmas, timesteps = levels(scheduler, steps)
        except (ValueError, IndexError):
            continue  # too many steps for this class and configuration
        exploding = "Euler" in name or "Heun" in name
        start = scheduler.init_noise_sigma if exploding else (sigmas[0] ** 2 + 1) ** 0.5
        table = np.stack([sigmas.double().numpy(), np.append(timesteps.double().numpy(), 0.0)], 1)
        if not np.isfinite(table).all() or steps >= scheduler.config.num_train_timesteps:
            continue  # pure noise has no finite sigma; loops.py covers it
        rows += [[[steps, float(start)]], table[:: 10 if steps > 20 else 1]]
    if rows:
        tensors[name] = np.concatenate(rows).astype(np.float32)
save_file(tensors, arguments("schedules.safetensors").out)
