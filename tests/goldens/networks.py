"""Inputs and outputs of the demo model's networks, one by one, from diffusers and transformers in float32.

    python networks.py --model DEMO_MODEL_FOLDER [--out FOLDER]

Writes tokens.json (prompts and their 77 ids) and networks.safetensors. Sizes in names are height x width of the
latent; inputs are f32 or f16 without loss, outputs f32:

    clip.ids                     i32 [3, 77]       clip.hidden, clip.hidden_skip1   [3, 77, 128]
    unet.<size>.sample           [2, 4, h, w]      its encodings are clip.hidden[0..2]
    unet.<size>.t<timestep>      [2, 4, h, w]      the UNet's answer
    unet.residual.<i>, .mid      f16 [2, c, h, w]  added to the skip connections (in the order of the down path) and
                                                   after the middle block, as a ControlNet does
    unet.16x16.t500.residuals    [2, 4, 16, 16]    the answer with them
    vae.decode.<size>.latent     [1, 4, h, w]      already divided by the scaling factor
    vae.decode.<size>            [3, 8h, 8w]       -1..1, not clamped
    vae.encode.picture           u8 [128, 128, 3]  enters the VAE as value / 255 * 2 - 1
    vae.encode.moments           [8, 16, 16]       mean (4), log-variance (4; not clamped)

clip.hidden is after the final layer norm; hidden_skip1 is one layer earlier, through the same norm (clip_skip 1).
"""

import json

import torch
from reference import arguments, demo_pipeline, write_tensors

PROMPTS = [
    "a panda, 3d style, on a green background",
    "A RED Apple",
    "it's a dog's ball!!! (really?) #1, 50% off...",
    "zyxwv qwertyuiop supercalifragilistic",
    "",
    "  two   spaces,\ttab\nand newline ",
    "caf\u00e9 na\u00efve \u00dcBER cre\u0300me",
    "a \U0001f43c and \u2764\ufe0f on \u65e5\u672c\u8a9e",
    "2 cats 1234567890 v1.5",
    "hyphen-ated under_scored e=mc^2 ~ <tag> [x] {y} a/b\\c",
    "I'll we've you're they'd I'm don't",
    "a fox, noto style, on a teal background, " * 12,
]
ENCODED = (0, 1, 4)
TIMESTEPS = (1.0, 123.5, 500.0, 999.0)


def noise(seed, *shape, scale=1.0):
    """Normal noise whose values are exact in f16."""
    return (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale).half().float()


def token_ids(tokenizer, texts):
    return tokenizer(list(texts), padding="max_length", max_length=77, truncation=True).input_ids


def clip(pipe, out):
    ids = torch.tensor(token_ids(pipe.tokenizer, [PROMPTS[i] for i in ENCODED]))
    answer = pipe.text_encoder(ids, output_hidden_states=True)
    out["clip.ids"] = ids.int()
    out["clip.hidden"] = answer.last_hidden_state
    out["clip.hidden_skip1"] = pipe.text_encoder.final_layer_norm(answer.hidden_states[-2])


def unet(pipe, out):
    encodings = out["clip.hidden"][:2]
    for seed, (height, width) in enumerate([(16, 16), (16, 24)], start=1):
        name = f"unet.{height}x{width}"
        sample = out[f"{name}.sample"] = noise(seed, 2, 4, height, width)
        for timestep in TIMESTEPS:
            out[f"{name}.t{timestep:g}"] = pipe.unet(sample, timestep, encodings).sample
    # Channels and sides of what the down path leaves for the up path, and of the middle block.
    skips = [(64, 16), (64, 16), (64, 8), (128, 8), (128, 4), (224, 4)]
    down = [noise(10 + i, 2, channels, side, side, scale=0.3) for i, (channels, side) in enumerate(skips)]
    mid = noise(20, 2, 224, 4, 4, scale=0.3)
    for i, residual in enumerate(down):
        out[f"unet.residual.{i}"] = residual.half()
    out["unet.residual.mid"] = mid.half()
    answer = pipe.unet(
        out["unet.16x16.sample"],
        500.0,
        encodings,
        down_block_additional_residuals=down,
        mid_block_additional_residual=mid,
    ).sample
    out["unet.16x16.t500.residuals"] = answer


def test_picture():
    """A picture without any chance in it: gradients, a disc and a checkerboard."""
    y, x = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    picture = torch.stack([2 * x, 2 * y, 255 - x - y], dim=-1)
    picture[(x - 40) ** 2 + (y - 48) ** 2 < 900] = torch.tensor([230, 40, 60])
    board = (x >= 72) & (y >= 72) & ((x // 8 + y // 8) % 2 == 0)
    picture[board] = torch.tensor([250, 250, 250])
    return picture.clamp(0, 255).to(torch.uint8)


def vae(pipe, out):
    picture = out["vae.encode.picture"] = test_picture()
    values = picture.permute(2, 0, 1)[None].float() / 255 * 2 - 1
    # Every encoder answer is 2 x 4 channels; `parameters` is what the encoder gave before any clamp.
    moments = pipe.vae.encode(values).latent_dist.parameters
    out["vae.encode.moments"] = moments[0]
    latents = {
        "16x16": moments[:, :4].half().float(),
        "12x16": noise(3, 1, 4, 12, 16, scale=1 / pipe.vae.config.scaling_factor),
    }
    for size, latent in latents.items():
        out[f"vae.decode.{size}.latent"] = latent
        out[f"vae.decode.{size}"] = pipe.vae.decode(latent).sample[0]


def main():
    args = arguments(__doc__)
    args.out.mkdir(parents=True, exist_ok=True)
    pipe = demo_pipeline(args.model)
    tokens = [{"text": text, "ids": ids} for text, ids in zip(PROMPTS, token_ids(pipe.tokenizer, PROMPTS))]
    lines = ",\n".join(json.dumps(entry) for entry in tokens)
    (args.out / "tokens.json").write_text(f"[\n{lines}\n]\n")
    out = {}
    clip(pipe, out)
    unet(pipe, out)
    vae(pipe, out)
    write_tensors(args.out / "networks.safetensors", out)
    for name, tensor in out.items():
        print(name, tuple(tensor.shape), f"{tensor.float().abs().max():.4g}")


if __name__ == "__main__":
    main()
