"""What the golden scripts share: the reference pipeline in float32 on one thread.

Knows diffusers only; the project's own code takes no part in making a golden.
"""

import argparse
import pathlib
import warnings

import safetensors.torch
import torch
import transformers

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

# One thread and deterministic kernels: the order of float additions, and so every bit, stays the same.
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.set_grad_enabled(False)

FOLDER = pathlib.Path(__file__).resolve().parent


def arguments(text, **flags):
    """The command line of every script: where the demo model lies, where the results go; flags: what each does."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True, help="folder of the demo model (diffusers layout)")
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER, help="folder of the results (default: beside the script)")
    for name, meaning in flags.items():
        parser.add_argument(f"--{name}", action="store_true", help=meaning)
    return parser.parse_args()


def demo_pipeline(folder):
    """StableDiffusionPipeline of a folder: f16 weights on disk, float32 in memory, no safety checker."""
    from diffusers import StableDiffusionPipeline
    from diffusers.utils import logging as diffusers_logging

    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    pipe = StableDiffusionPipeline.from_pretrained(
        folder, dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )
    pipe.set_progress_bar_config(disable=True)
    # transformers 5 put the layers of CLIPTextModel directly into it; diffusers 0.42 still asks for `.text_model`
    # when clip_skip is given.
    transformers.CLIPTextModel.text_model = property(lambda self: self)
    for network in (pipe.unet, pipe.vae, pipe.text_encoder):
        assert all(w.dtype == torch.float32 for w in network.parameters())
        network.eval()
    return pipe


def write_tensors(path, tensors):
    """A safetensors file, readable by all (safetensors itself makes files private)."""
    path.write_bytes(safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()}))
