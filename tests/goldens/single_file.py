"""A tiny random Stable Diffusion 1.x checkpoint in the original single-file layout, and the demo model's names in it.

    python single_file.py --model DEMO_MODEL_FOLDER [--out FOLDER]

Writes tiny-sd1/model.safetensors (f16, LDM names), tiny-sd1/config/ (diffusers configs and a tokenizer),
tiny-sd1/picture.png with tiny-sd1/picture.json and tiny-sd1/latent.safetensors (a two-step run), and ldm_names.json:

    {"<name in a single file>": {"part": "unet|vae|text_encoder", "diffusers": "<name>", "shape": [<in a single file>]}}

for every tensor of the demo model. Which LDM name belongs to which diffusers name is what diffusers' own converters
answer; this script only lists the LDM names of an architecture (by counting blocks as the original code does) and
fails unless the converters bring every tensor to a name of the diffusers model, once and unchanged.
"""

import json
import shutil

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders import single_file_utils as converters
from diffusers.utils import logging as diffusers_logging
from reference import arguments, write_tensors
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel

UNET = {
    "sample_size": 16,
    "layers_per_block": 2,
    "block_out_channels": (8, 16, 16, 16),
    "norm_num_groups": 4,
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
}
VAE = {
    "sample_size": 128,
    "layers_per_block": 2,
    "block_out_channels": (4, 4, 8, 8),
    "norm_num_groups": 4,
    "latent_channels": 4,
    "scaling_factor": 0.18215,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
# 512 byte tokens, 126 merges and the two specials.
MERGES = 126
CLIP = {
    "vocab_size": 512 + MERGES + 2,
    "hidden_size": 16,
    "intermediate_size": 32,
    "projection_dim": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "bos_token_id": 512 + MERGES,
    "eos_token_id": 513 + MERGES,
    "pad_token_id": 513 + MERGES,
}
# Spacing is said outright here ("leading"), while the demo model leaves it to the scheduler class.
SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "_diffusers_version": "0.42.1",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "trained_betas": None,
}
TASK = {
    "taskType": "imageInference",
    "model": "local:tiny-sd1@1",
    "positivePrompt": "a red apple",
    "negativePrompt": "blue",
    "width": 128,
    "height": 128,
    "steps": 2,
    "CFGScale": 4.0,
    "scheduler": "Euler",
    "seed": 7,
}
# Gains by the end of a name. UNet: what the coarse levels say must be heard in the result, or a swapped tensor
# down there would pass. VAE: likewise for the fine levels, and few pixels are to be clamped.
UNET_GAINS = {"upsamplers.0.conv.weight": 4.0, "conv2.weight": 1.5}
VAE_GAINS = {"conv2.weight": 2.0, "decoder.conv_out.weight": 0.6}
UNET_PREFIX, VAE_PREFIX = "model.diffusion_model.", "first_stage_model."
CLIP_PREFIX = "cond_stage_model.transformer."


def random_weights(network, seed, gains):
    """Random values, exact in f16, that keep activations near unit size; norms are far from an identity."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in sorted(network.named_parameters()):
        values = torch.randn(weight.shape, generator=generator)
        if "norm" in name:
            values = values * 0.4 + (1.0 if name.endswith("weight") else 0.0)
        elif weight.dim() == 1:
            values = values * 0.1
        elif "embedding.weight" not in name:
            values = values / weight[0].numel() ** 0.5
        gain = next((gain for end, gain in gains.items() if name.endswith(end)), 1.0)
        weight.copy_((values * gain).half().float())
    return network.eval()


RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_PARTS = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
    "conv_shortcut": "nin_shortcut",
    "conv_norm_out": "norm_out",
}


def unet_blocks(config):
    """Prefixes of diffusers and LDM: the original numbers its blocks through, over all levels."""
    levels, layers = len(config["block_out_channels"]), config["layers_per_block"]
    blocks = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    down = up = 0
    for i in range(levels):
        for j in range(layers):
            down += 1
            blocks[f"down_blocks.{i}.resnets.{j}"] = f"input_blocks.{down}.0"
            blocks[f"down_blocks.{i}.attentions.{j}"] = f"input_blocks.{down}.1"
        down += 1
        blocks[f"down_blocks.{i}.downsamplers.0.conv"] = f"input_blocks.{down}.0.op"
        for j in range(layers + 1):
            blocks[f"up_blocks.{i}.resnets.{j}"] = f"output_blocks.{up}.0"
            blocks[f"up_blocks.{i}.attentions.{j}"] = f"output_blocks.{up}.1"
            up += 1
        # The upsampler is the last part of the level's last block: second, or third behind an attention.
        place = 2 if config["up_block_types"][i].startswith("CrossAttn") else 1
        blocks[f"up_blocks.{i}.upsamplers.0.conv"] = f"output_blocks.{up - 1}.{place}.conv"
    return blocks


def vae_blocks(config):
    """Prefixes of diffusers and LDM; the original counts the decoder's levels from the finest."""
    blocks, last = {}, len(config["block_out_channels"]) - 1
    for i in range(last + 1):
        for j in range(config["layers_per_block"] + 1):
            blocks[f"encoder.down_blocks.{i}.resnets.{j}"] = f"encoder.down.{i}.block.{j}"
            blocks[f"decoder.up_blocks.{i}.resnets.{j}"] = f"decoder.up.{last - i}.block.{j}"
        blocks[f"encoder.down_blocks.{i}.downsamplers.0"] = f"encoder.down.{i}.downsample"
        blocks[f"decoder.up_blocks.{i}.upsamplers.0"] = f"decoder.up.{last - i}.upsample"
    for side in ("encoder", "decoder"):
        blocks |= {f"{side}.mid_block.resnets.{j}": f"{side}.mid.block_{j + 1}" for j in (0, 1)}
        blocks[f"{side}.mid_block.attentions.0"] = f"{side}.mid.attn_1"
    return blocks


def renamed(name, blocks, parts):
    """A diffusers tensor name with its block and its parts spelled the LDM way."""
    block = max((b for b in blocks if name.startswith(b + ".")), key=len, default=None)
    rest = name if block is None else name[len(block) :]
    if block is None or "resnets" in block or "attentions" in block:
        for old, new in parts.items():
            rest = rest.replace(f".{old}.", f".{new}.")
    return rest if block is None else blocks[block] + rest


def single_file(unet, vae, clip, unet_config, vae_config):
    """The three state dicts (diffusers names) as one, under the names and with the shapes of LDM."""
    out = {}
    blocks = unet_blocks(unet_config)
    for name, weight in unet.items():
        parts = RESNET if ".resnets." in name else {}
        out[UNET_PREFIX + renamed(name, blocks, parts)] = weight
    blocks = vae_blocks(vae_config)
    for name, weight in vae.items():
        # The original's attention projections are 1x1 convolutions.
        if ".attentions." in name and weight.dim() == 2:
            weight = weight[:, :, None, None]
        out[VAE_PREFIX + renamed(name, blocks, VAE_PARTS)] = weight
    for name, weight in clip.items():
        out[CLIP_PREFIX + name] = weight
    return out


def converted(state, unet_config, vae_config):
    """What diffusers' converters make of a single file: {part: {diffusers name: tensor}}."""
    text = converters.convert_ldm_clip_checkpoint(dict(state))
    return {
        "unet": converters.convert_ldm_unet_checkpoint(dict(state), unet_config),
        "vae": converters.convert_ldm_vae_checkpoint(dict(state), vae_config),
        "text_encoder": text,
    }


def check(state, parts, unet_config, vae_config):
    """Every tensor must come back from diffusers' converters under its own name, unchanged; the table of names."""
    back = converted(state, unet_config, vae_config)
    # The converters hand tensors (or views of them) through, so their storage tells where each came from.
    source = {weight.data_ptr(): name for name, weight in state.items()}
    assert len(source) == len(state)
    table = {}
    for part, weights in parts.items():
        assert back[part].keys() == weights.keys(), part
        for name, weight in weights.items():
            assert torch.equal(back[part][name], weight), name
            ldm = source[back[part][name].data_ptr()]
            table[ldm] = {"part": part, "diffusers": name, "shape": list(state[ldm].shape)}
    assert table.keys() == state.keys()
    return dict(sorted(table.items()))


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def demo_names(model, out):
    """ldm_names.json: the demo model's tensors under the names of a single file."""
    configs = {p: json.loads((model / p / "config.json").read_text()) for p in ("unet", "vae")}
    parts = {p: load_file(model / p / "diffusion_pytorch_model.safetensors") for p in configs}
    parts["text_encoder"] = load_file(model / "text_encoder/model.safetensors")
    state = single_file(*parts.values(), configs["unet"], configs["vae"])
    table = check(state, parts, configs["unet"], configs["vae"])
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in table.items())
    (out / "ldm_names.json").write_text(f"{{\n{lines}\n}}\n")


def tiny_tokenizer(model, folder):
    """The demo model's tokenizer cut after its first merges: the ids of what is left stay the same."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = (model / "tokenizer/merges.txt").read_text().splitlines()
    (folder / "merges.txt").write_text("\n".join(merges[: MERGES + 1]) + "\n")
    words = list(json.loads((model / "tokenizer/vocab.json").read_text()))[: 512 + MERGES]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}) + "\n")
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        shutil.copyfile(model / "tokenizer" / name, folder / name)
        (folder / name).chmod(0o644)


def tiny_config(model, folder):
    """The configs that a single file needs beside it, in the diffusers layout."""
    networks = {"unet": UNet2DConditionModel(**UNET), "vae": AutoencoderKL(**VAE)}
    for name, network in networks.items():
        config = {key: value for key, value in network.config.items() if key != "_use_default_values"}
        write_json(folder / name / "config.json", {"_class_name": type(network).__name__, "_diffusers_version": "0.42.1"} | config)
    clip = {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "layer_norm_eps": 1e-5} | CLIP
    write_json(folder / "text_encoder" / "config.json", clip)
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    tiny_tokenizer(model, folder / "tokenizer")
    shutil.copyfile(model / "model_index.json", folder / "model_index.json")
    (folder / "model_index.json").chmod(0o644)


def tiny_networks():
    unet = random_weights(UNet2DConditionModel(**UNET), 1, UNET_GAINS)
    vae = random_weights(AutoencoderKL(**VAE), 2, VAE_GAINS)
    clip = random_weights(CLIPTextModel(CLIPTextConfig(**CLIP)), 3, {})
    return unet, vae, clip


def tiny_file(path):
    """The checkpoint, with two of the tensors that real ones carry beside the weights."""
    unet, vae, clip = tiny_networks()
    text = {f"text_model.{name.removeprefix('text_model.')}": w for name, w in clip.state_dict().items()}
    parts = {"unet": unet.state_dict(), "vae": vae.state_dict(), "text_encoder": text}
    state = single_file(*parts.values(), UNET, VAE)
    check(state, parts, UNET, VAE)
    stored = {name: weight.half() for name, weight in sorted(state.items())}
    stored[f"{CLIP_PREFIX}text_model.embeddings.position_ids"] = torch.arange(77)[None]
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    stored["alphas_cumprod"] = torch.cumprod(1 - betas, 0).float()
    write_tensors(path, stored)
    return parts


def tiny_picture(folder, parts):
    """The run of TASK, on the file as diffusers itself loads it."""
    pipe = StableDiffusionPipeline.from_single_file(
        str(folder / "model.safetensors"), config=str(folder / "config"), torch_dtype=torch.float32,
        local_files_only=True, safety_checker=None,
    )
    pipe.set_progress_bar_config(disable=True)
    loaded = {"unet": pipe.unet, "vae": pipe.vae, "text_encoder": pipe.text_encoder}
    for part, network in loaded.items():
        own = {name.removeprefix("text_model."): weight for name, weight in parts[part].items()}
        for name, weight in network.state_dict().items():
            assert torch.equal(weight, own.pop(name.removeprefix("text_model."))), name
        assert not own, own.keys()
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    last = {}

    def keep(_pipe, _step, _timestep, tensors):
        last["latent"] = tensors["latents"].clone()
        return tensors

    picture = pipe(
        TASK["positivePrompt"], negative_prompt=TASK["negativePrompt"], width=TASK["width"], height=TASK["height"],
        num_inference_steps=TASK["steps"], guidance_scale=TASK["CFGScale"],
        generator=torch.Generator("cpu").manual_seed(TASK["seed"]), callback_on_step_end=keep,
    ).images[0]
    picture.save(folder / "picture.png", optimize=True)
    write_tensors(folder / "latent.safetensors", last)
    timesteps = [float(t) for t in pipe.scheduler.timesteps]
    reference = {"class": "EulerDiscreteScheduler", "options": {}, "timesteps": timesteps}
    entry = {"name": "tiny-sd1", "task": TASK, "pictures": ["picture.png"], "diffusers": reference}
    write_json(folder / "picture.json", [entry])
    return picture, last["latent"]


def main():
    args = arguments(__doc__)
    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    folder = args.out / "tiny-sd1"
    folder.mkdir(parents=True, exist_ok=True)
    demo_names(args.model, args.out)
    tiny_config(args.model, folder / "config")
    parts = tiny_file(folder / "model.safetensors")
    picture, latent = tiny_picture(folder, parts)
    values = torch.tensor(list(picture.tobytes())).float()
    print(f"picture {values.mean():.1f} +- {values.std():.1f}, latent +- {latent.std():.3f}")


if __name__ == "__main__":
    main()
