"""What `--check` of image_to_image.py and inpainting.py shares: the parts of a pipeline, written out.

Calls the text encoder, the UNet, the VAE's networks and `scheduler.step` of diffusers, but no pipeline, no image
processor, no VAE posterior class and no `add_noise`: where these agree with the pipeline's answer to the last
bit, what the two scripts say about it is what it does.
"""

import numpy as np
import torch
from PIL import Image


def pixels(path):
    """A picture as the VAE takes it: f32 [1, 3, h, w], byte / 255 * 2 - 1."""
    rgb = np.asarray(Image.open(path).convert("RGB")).astype(np.float32) / 255
    # Channels stay last in memory, as the pipeline has them: that decides the order of the sums in the convolutions,
    # and so the last bits.
    planes = torch.from_numpy((rgb * 2 - 1).transpose(2, 0, 1)[None].copy())
    return planes.contiguous(memory_format=torch.channels_last)


def sampled_latent(pipe, picture, generator):
    """One sample of the VAE's posterior, in the UNet's scale; draws h/8 * w/8 * 4 normals."""
    moments = pipe.vae.quant_conv(pipe.vae.encoder(picture))
    mean, logvar = moments[:, :4], moments[:, 4:].clamp(-30, 20)
    sample = mean + torch.exp(0.5 * logvar) * torch.randn(mean.shape, generator=generator)
    return pipe.vae.config.scaling_factor * sample


def first_step(task):
    """How many of the scheduler's steps strength leaves out: the product is cut, not rounded (doubles)."""
    return task["steps"] - min(int(task["steps"] * task["strength"]), task["steps"])


def noised(scheduler, latent, noise, index):
    """A clean latent at the noise level of scheduler.timesteps[index]."""
    kind = type(scheduler).__name__
    if kind in ("DDIMScheduler", "LCMScheduler"):
        kept = scheduler.alphas_cumprod[int(scheduler.timesteps[index])]
        return kept**0.5 * latent + (1 - kept) ** 0.5 * noise
    sigma = scheduler.sigmas[index]
    if kind in ("DPMSolverMultistepScheduler", "UniPCMultistepScheduler"):
        alpha = 1 / (sigma**2 + 1) ** 0.5
        return alpha * latent + sigma * alpha * noise
    return latent + noise * sigma


def states(pipe, text):
    """The text encoder's last states of one prompt, [1, 77, width]."""
    tokens = pipe.tokenizer(text, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    return pipe.text_encoder(tokens.input_ids)[0]


def denoise(pipe, task, latent, begin, generator, after_step=lambda latent, index: latent):
    """The loop from scheduler.timesteps[begin] on; `after_step` sees each new latent and its timestep's index."""
    scheduler, scale = pipe.scheduler, task["CFGScale"]
    prompts = [task["positivePrompt"]] if scale <= 1 else [task.get("negativePrompt", ""), task["positivePrompt"]]
    conditioning = torch.cat([states(pipe, prompt) for prompt in prompts])
    draws = {"generator": generator} if "generator" in scheduler.step.__code__.co_varnames else {}
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    for index in range(begin, len(scheduler.timesteps)):
        timestep = scheduler.timesteps[index]
        entering = scheduler.scale_model_input(torch.cat([latent] * len(prompts)), timestep)
        answer = pipe.unet(entering, timestep, encoder_hidden_states=conditioning).sample
        if len(prompts) == 2:
            answer = answer[:1] + scale * (answer[1:] - answer[:1])
        latent = scheduler.step(answer, timestep, latent, **draws).prev_sample
        latent = after_step(latent, index)
    return latent


def decoded(pipe, latent):
    """The picture's bytes, [h, w, 3]: rounded to nearest, ties to even."""
    picture = pipe.vae.decode(latent / pipe.vae.config.scaling_factor).sample
    unit = (picture * 0.5 + 0.5).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    return (unit * 255).round().astype(np.uint8)


def assert_same(name, path, picture, latent, stored):
    """The bytes and the final latent made by hand are those the pipeline gave."""
    apart = np.abs(np.asarray(Image.open(path)).astype(int) - picture).max()
    assert apart == 0, f"{name}: pixels differ by up to {apart}"
    assert torch.equal(latent, stored), f"{name}: latents differ by up to {(latent - stored).abs().max()}"


def assert_refused(run, kind, words):
    """`run` raises `kind` with `words` in its message."""
    try:
        run()
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"no {kind.__name__}")
