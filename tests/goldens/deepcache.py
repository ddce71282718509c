"""DeepCache on the demo model: pictures of diffusers under the package DeepCache 0.1.1 (`pip install --no-deps DeepCache`).

    python deepcache.py --model DEMO_MODEL_FOLDER [--out FOLDER]

Writes deepcache.json and deepcache/*.png. Entries are those of pictures.json; guides and sources lie in controlnet/.

The rule is that of the package's DeepCacheSDHelper with skip_mode "uniform": a call is full when its number, counted
from the first call of the run, is a multiple of `deepCacheInterval`; in between everything deeper than a branch
answers as it did at the last full call. The package names a branch by two numbers,

    cache_block_id, cache_layer_id = divmod(branch, 3)

where 3 is a level's skip connections (layers_per_block + 1) of SD 1.x. The demo model has 2; this script sets the two
numbers by divmod(branch, layers_per_block + 1), so that a branch is the number of a skip connection, from the
outermost, for every depth. What that leaves to compute in between, as the package's `is_skip_step` has it: the
encoder up to and with that skip connection, and the decoder from the layer that takes it, on what the layer before
that one gave. `check` holds the package against this sentence, by the modules whose forward really runs.

The package finds a call's number by looking its timestep up in `scheduler.timesteps`, which for Heun lists most
timesteps twice; there it takes the second call of a step for the first. `Counted` counts calls instead, and is the
package itself for every other scheduler (asserted).

With a ControlNet every call has its own residuals; those for parts that are not computed have no effect.
"""

import contextlib
import json

import diffusers
import torch
from controlnet import draw as draw_guided
from controlnet import load
from DeepCache import DeepCacheSDHelper
from image_to_image import fresh_schedulers
from pictures import APPLE, CAR, DOG, FOX, PANDA, ROCKET, SCHEDULERS
from reference import FOLDER, arguments, demo_pipeline
from safetensors.torch import load_file

AIR = "local:demo-canny@1"

# name, prompt, scheduler, seed, steps, CFGScale, interval, branch, then what differs from 128x128
CASES = [
    ("every-third-outermost", PANDA, "Euler", 3, 12, 5.0, 3, 0, {}),
    ("every-second-branch-1", ROCKET, "DPM++ 2M Karras", 1, 12, 5.0, 2, 1, {}),
    ("every-second-branch-2-wide", CAR, "DDIM", 2, 10, 4.5, 2, 2, {"width": 192}),
    ("every-fifth-branch-3", DOG, "UniPC", 42, 12, 5.0, 5, 3, {}),
    ("every-third-branch-4", APPLE, "Euler a", 8, 10, 5.0, 3, 4, {}),
    ("every-third-innermost", FOX, "DPM++ 2M", 9, 10, 5.0, 3, 5, {}),
    ("without-guidance", FOX, "Euler", 9, 10, 1.0, 2, 0, {}),
    ("heun", APPLE, "Heun", 11, 7, 5.0, 3, 1, {}),
    ("image", APPLE, "DPM++ 2M", 2, 12, 5.0, 3, 0, {"seedImage": "source.png", "strength": 0.8}),
    ("lora", CAR, "Euler", 6, 9, 5.0, 3, 1, {"lora": [{"model": "local:demo-outline@1", "weight": 0.7}]}),
    ("guided", ROCKET, "Euler", 4, 10, 5.0, 2, 2, {"controlNet": [{"model": AIR, "guideImage": "guide-star.png"}]}),
    (
        "guide-first-outermost",
        PANDA,
        "UniPC",
        5,
        10,
        5.0,
        3,
        0,
        {"controlNet": [{"model": AIR, "guideImage": "guide-heart.png", "controlMode": "controlnet", "endStep": 7}]},
    ),
]


class Counted(DeepCacheSDHelper):
    """The package with calls counted rather than looked up."""

    def reset_states(self):
        super().reset_states()
        self.calls, self.ran = 0, []

    def wrap_unet_forward(self):
        self.function_dict["unet_forward"] = self.pipe.unet.forward
        doubled = isinstance(self.pipe.scheduler, diffusers.HeunDiscreteScheduler)

        def counted(*args, **kwargs):
            found = list(self.pipe.scheduler.timesteps).index(args[1].item())
            if self.calls == 0:
                self.first = found
            assert doubled or found - self.first == self.calls
            self.cur_timestep = self.calls
            self.calls += 1
            self.ran.append(set())
            return self.function_dict["unet_forward"](*args, **kwargs)

        self.pipe.unet.forward = counted

    def is_skip_step(self, block_i, layer_i, blocktype="down"):
        self.start_timestep = 0
        skip = super().is_skip_step(block_i, layer_i, blocktype)
        if not skip:
            self.ran[-1].add((blocktype, block_i, layer_i))
        return skip


@contextlib.contextmanager
def deep_cache(pipe, interval, branch):
    """The pipeline with DeepCache switched on."""
    per_level = pipe.unet.config.layers_per_block + 1
    helper = Counted(pipe)
    block, layer = divmod(branch, per_level)
    helper.params = {"cache_interval": interval, "cache_block_id": block, "cache_layer_id": layer, "skip_mode": "uniform"}
    if per_level == 3:
        own = DeepCacheSDHelper(pipe)
        own.set_params(interval, branch)
        assert own.params == helper.params
    helper.enable()
    try:
        yield helper
    finally:
        ran = helper.ran
        helper.disable()
        check(pipe.unet.config, ran, interval, branch)


def check(config, ran, interval, branch):
    """Which modules ran: all at every `interval`-th call, else those around the skip connections up to `branch`."""
    layers, levels = config.layers_per_block, len(config.block_out_channels)
    for call, places in enumerate(ran):
        skips = branch if call % interval else levels * (layers + 1) - 1
        # Down: skip 0 is conv_in, which no wrapper sees; then a level's layers and its downsampler. What the package
        # calls layer 0 of the last level's end is no module.
        down = {("down", (skip - 1) // (layers + 1), (skip - 1) % (layers + 1)) for skip in range(1, skips + 1)}
        down = {place for place in down if place[1:] != (levels - 1, layers)}
        # Up: layer 0 of a level takes the first skip that is the level's.
        up = {("up", *divmod(skip, layers + 1)) for skip in range(skips + 1)}
        mid = set() if call % interval else {("mid", 0, 0)}
        # A whole block is asked as its layer 0.
        asked = {place for place in places if place[0] != "down" or place[2] > 0 or place in down}
        assert asked == down | up | mid, (call, asked ^ (down | up | mid))


def task_of(prompt, scheduler, seed, steps, scale, interval, branch, other):
    task = {"taskType": "imageInference", "model": "local:demo@1", "positivePrompt": prompt}
    task |= {"width": 128, "height": 128, "steps": steps, "CFGScale": scale, "scheduler": scheduler, "seed": seed}
    options = {"deepCache": True, "deepCacheInterval": interval, "deepCacheBranchId": branch}
    return task | other | {"acceleratorOptions": options}


def draw(base, model, task):
    """One picture with DeepCache, by whatever pipeline the task needs."""
    from PIL import Image

    options = task["acceleratorOptions"]
    folder = FOLDER / "controlnet"
    base_pipe = base
    if "lora" in task:
        [lora] = task["lora"]
        base.load_lora_weights(load_file(model / "addons/lora-outline.safetensors"), adapter_name="outline")
        base.set_adapters(["outline"], [lora["weight"]])
    if "seedImage" in task:
        base_pipe = diffusers.StableDiffusionImg2ImgPipeline(**base.components, requires_safety_checker=False)
    with deep_cache(base_pipe, options["deepCacheInterval"], options["deepCacheBranchId"]):
        if "controlNet" in task:
            return draw_guided(base, load(model, {}), folder, task)[0]
        if "seedImage" in task:
            told = {"image": Image.open(folder / task["seedImage"]), "strength": task["strength"]}
        else:
            told = {"width": task["width"], "height": task["height"]}
        return base_pipe(
            task["positivePrompt"],
            num_inference_steps=task["steps"],
            guidance_scale=task["CFGScale"],
            generator=torch.Generator("cpu").manual_seed(task["seed"]),
            **told,
        ).images[0]


def main():
    args = arguments(__doc__)
    folder = args.out / "deepcache"
    folder.mkdir(parents=True, exist_ok=True)
    base = demo_pipeline(args.model)
    schedulers = fresh_schedulers(base.scheduler.config)
    entries = []
    for name, *case in CASES:
        task = task_of(*case)
        base.scheduler = schedulers[task["scheduler"]]()
        draw(base, args.model, task).save(folder / f"{name}.png", optimize=True)
        if "lora" in task:
            base.unload_lora_weights()
        kind, options = SCHEDULERS[task["scheduler"]]
        entries.append({"name": name, "task": task, "pictures": [f"{name}.png"], "diffusers": {"class": kind, "options": options}})
        print(name, flush=True)
    (args.out / "deepcache.json").write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
