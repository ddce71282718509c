"""The diffusers classes our samplers must equal, and the configurations they are compared on."""

import json
import pathlib

import diffusers

HERE = pathlib.Path(__file__).parent
CONFIGS = json.loads((HERE / "configs.json").read_text())

# name of our `Sampler` variant -> (diffusers class, whether it knows Karras sigmas)
SAMPLERS = {
    "Euler": (diffusers.EulerDiscreteScheduler, True),
    "EulerAncestral": (diffusers.EulerAncestralDiscreteScheduler, False),
    "Ddim": (diffusers.DDIMScheduler, False),
    "DpmPp2M": (diffusers.DPMSolverMultistepScheduler, True),
    "UniPc": (diffusers.UniPCMultistepScheduler, True),
    "Lcm": (diffusers.LCMScheduler, False),
    "Heun": (diffusers.HeunDiscreteScheduler, True),
}


def combinations(configs):
    """Every (tensor name, function that makes the scheduler) for these configurations."""
    for config in configs:
        for sampler, (cls, knows_karras) in SAMPLERS.items():
            for spacing in ["Model", "Karras"] if knows_karras else ["Model"]:
                extra = {"use_karras_sigmas": True} if spacing == "Karras" else {}
                make = lambda cls=cls, config=config, extra=extra: cls.from_config(CONFIGS[config], **extra)
                yield f"{config}/{sampler}/{spacing}", make


def arguments(default):
    """Where to write: `--out FILE`, beside this script if not given."""
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=HERE / default)
    return parser.parse_args()
