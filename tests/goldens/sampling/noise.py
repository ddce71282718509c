"""Sequences of draws from torch's CPU generator: `python tests/goldens/sampling/noise.py --out FILE`.

One tensor for each seed, named by it: for each draw its length, then every (length // 200 + 1)-th value.
"""

import torch
from safetensors.torch import save_file

from reference import arguments

SEEDS = [0, 1, 42, 2**32 + 5, 2**63 - 1]
# Odd numbers below 16 leave a value over that a later small draw must use up, whatever lies between.
DRAWS = [1, 3, 15, 16, 17, 100, 1024, (1, 4, 16, 16), (1, 4, 24, 32), 3, 31, 5, 1, 200, 7, 1, 2, (2, 4, 3, 5), 14]

tensors = {}
for seed in SEEDS:
    generator = torch.Generator("cpu").manual_seed(seed)
    row = []
    for shape in DRAWS:
        values = torch.randn(shape, generator=generator).flatten()
        row += [torch.tensor([float(len(values))]), values[:: len(values) // 200 + 1]]
    tensors[str(seed)] = torch.cat(row)[None]
save_file(tensors, arguments("noise.safetensors").out)
