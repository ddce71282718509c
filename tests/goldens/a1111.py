"""What A1111 writes into a picture, and what it reads out of such a text.

    python a1111.py --webui CHECKOUT            (v1.10.1, commit 82a973c0)

Runs functions of the checkout itself, with everything around them stubbed: `create_infotext`
(modules/processing.py), `parse_generation_parameters` (modules/infotext_utils.py, with
modules/infotext_versions.py) and `get_sampler_and_scheduler` (modules/sd_samplers.py). Needs
the packages `packaging`, `lark` and torch.

a1111.json:
  written   a task, the name of its model, the text A1111 writes for it, and what A1111 reads there;
            `lossless` says whether prompts come back as they were (A1111 strips every line)
  read      texts of the shapes seen in the wild, and what A1111 reads there
  random    texts made of the grammar's own pieces, likewise
  samplers  (sampler, schedule type) as texts have them, and what A1111 makes of the pair
  defaults  what A1111 reads from an empty text: it fills these in itself; `parsed` leaves out what equals them
"""

import argparse
import ast
import functools
import json
import pathlib
import random
import sys
import types

HERE = pathlib.Path(__file__).parent


def load(webui):
    """The functions of the checkout, over stubs."""
    modules = webui / "modules"
    opts = types.SimpleNamespace(
        infotext_styles="Ignore", use_old_hires_fix_width_height=False, auto_backcompat=True,
        infotext_skip_pasting=[], CLIP_stop_at_last_layers=1, eta_noise_seed_delta=0,
        add_model_hash_to_info=False, add_model_name_to_info=True, add_vae_hash_to_info=False,
        add_vae_name_to_info=False, add_version_to_infotext=True, add_user_name_to_info=False,
        randn_source="CPU", face_restoration_model=None,
    )
    shared = types.ModuleType("modules.shared")
    shared.opts = opts
    gradio = types.ModuleType("gradio")
    gradio.update = lambda *args, **kwargs: {}
    gradio.components = types.SimpleNamespace(Component=object)
    package = types.ModuleType("modules")
    package.__path__ = [str(modules)]
    package.shared = shared
    stubs = {"gradio": gradio, "modules": package, "modules.shared": shared, "PIL": types.ModuleType("PIL")}
    stubs["PIL"].Image = types.SimpleNamespace(Image=object)
    for name in ["paths", "ui_tempdir", "script_callbacks", "processing", "images", "errors"]:
        stubs[f"modules.{name}"] = types.ModuleType(name)
        setattr(package, name, stubs[f"modules.{name}"])
    stubs["modules.paths"].data_path = ""
    sys.modules.update(stubs)
    import modules.infotext_utils as infotext

    def function(file, name, around):
        tree = ast.parse((modules / file).read_text())
        [node] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
        exec(compile(ast.Module([node], []), file, "exec"), around)
        return around[name]

    write = function("processing.py", "create_infotext", {
        "opts": opts, "shared": shared, "infotext_utils": infotext, "errors": None,
        "devices": types.SimpleNamespace(fp8=False), "sd_samplers_common": None,
        # The test puts the version there.
        "program_version": lambda: "Latelier VERSION", "StableDiffusionProcessing": object,
    })
    pair = function("sd_samplers.py", "get_sampler_and_scheduler", {
        "functools": functools, **tables(modules),
    })
    return write, infotext.parse_generation_parameters, pair


def tables(modules):
    """A1111's samplers with their options, and its schedulers, read as literals."""
    samplers = []
    for file, table in [
        ("sd_samplers_kdiffusion.py", "samplers_k_diffusion"),
        ("sd_samplers_timesteps.py", "samplers_timesteps"),
        ("sd_samplers_lcm.py", "samplers_lcm"),
    ]:
        for row in assigned(modules / file, table).elts:
            name, _, aliases, options = row.elts
            samplers.append(types.SimpleNamespace(
                name=ast.literal_eval(name), aliases=ast.literal_eval(aliases),
                options={ast.literal_eval(key): value.value for key, value in zip(options.keys, options.values)},
            ))
    schedulers = []
    for call in assigned(modules / "sd_schedulers.py", "schedulers").elts:
        aliases = [word.value for word in call.keywords if word.arg == "aliases"]
        schedulers.append(types.SimpleNamespace(
            name=call.args[0].value, label=call.args[1].value,
            aliases=ast.literal_eval(aliases[0]) if aliases else None,
        ))
    by_name = {**{row.name: row for row in schedulers}, **{row.label: row for row in schedulers}}
    return {
        "samplers": samplers, "all_samplers_map": {row.name: row for row in samplers},
        "sd_schedulers": types.SimpleNamespace(schedulers=schedulers, schedulers_map=by_name),
    }


def assigned(path, name):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return node.value
    raise KeyError(name)


# (prompt, negative prompt, what differs from a plain task, model's name)
PLAIN = "a red apple on a table"
TASKS = [
    (PLAIN, "", {}, "dreamshaper_8"),
    (PLAIN, "blurry, lowres", {"CFGScale": 7.5, "clipSkip": 1}, "dreamshaper_8"),
    ("", "", {}, "dreamshaper_8"),
    ("", "only what to avoid", {}, "dreamshaper_8"),
    ("first line\nsecond line, with (weights:1.2)", "one\ntwo\n\nfour", {"clipSkip": 2}, "Model, with: all \"signs\" \\ of\tit"),
    ("“狐” — Füchse, 🦊 & <lora:none>", "дождь", {"CFGScale": 1}, "紅 model"),
    ("Steps: 3, Sampler: DDIM, Seed: 5, ", "", {"seed": 9007199254740993}, "v1-5"),
    (PLAIN + "\nSteps: 99, Sampler: LMS, CFG scale: 1, Seed: 1, Size: 64x64", "Steps: 3, ", {}, "v1-5"),
    ("a tree\nNegative prompt: in the middle", "blurry", {}, "v1-5"),
    ("  spaces around  \n\n  each line ", "\tx\t", {}, "v1-5"),
    ("quoted \"words\", back\\slashes: all: of, them", "\"all quoted\"", {"CFGScale": 12.25}, "a: b"),
    (PLAIN, "", {"seed": 9223372036854775807, "steps": 100, "width": 2048, "height": 128}, "line\nbreak"),
    (PLAIN, "", {"seedImage": "strength", "strength": 0.35}, "v1-5"),
    (PLAIN, "blurry", {"seedImage": "strength", "strength": 1}, "v1-5"),
]
# Our names, with A1111's sampler and the label of its schedule.
SCHEDULERS = {
    "Euler": ("Euler", "Automatic"), "EulerDiscreteScheduler": ("Euler", "Automatic"),
    "Euler Karras": ("Euler", "Karras"), "Euler a": ("Euler a", "Automatic"),
    "DPM++ 2M": ("DPM++ 2M", "Uniform"), "DPM++": ("DPM++ 2M", "Uniform"),
    "DPM++ 2M Karras": ("DPM++ 2M", "Karras"), "DPM++ Karras": ("DPM++ 2M", "Karras"),
    "Heun": ("Heun", "Automatic"), "Heun Karras": ("Heun", "Karras"), "LCM": ("LCM", "Automatic"),
    "DDIM": ("DDIM", "Automatic"), "DDIMScheduler": ("DDIM", "Automatic"),
    "UniPC": ("UniPC", "Automatic"), "UniPC 2M": ("UniPC", "Automatic"),
    "UniPC Karras": ("UniPC", "Karras"), "UniPC 2M Karras": ("UniPC", "Karras"),
}


def stripped(text):
    return "\n".join(line.strip() for line in text.strip().split("\n"))


def written(write, parse, read):
    rows = [(prompt, avoid, {"scheduler": "Euler a", **differs}, model) for prompt, avoid, differs, model in TASKS]
    rows += [(PLAIN, "", {"scheduler": name}, "v1-5") for name in SCHEDULERS]
    for prompt, avoid, differs, model in rows:
        task = {"steps": 20, "CFGScale": 7, "seed": 42, "width": 512, "height": 768, **differs}
        sampler, schedule = SCHEDULERS[task["scheduler"]]
        strength = {"Denoising strength": task["strength"]} if "strength" in task else {}
        process = types.SimpleNamespace(
            all_negative_prompts=[avoid], batch_size=1, get_token_merging_ratio=lambda for_hr=False: 0,
            steps=task["steps"], sampler_name=sampler, scheduler=schedule, cfg_scale=task["CFGScale"],
            restore_faces=False, width=task["width"], height=task["height"], sd_model_name=model,
            subseed_strength=0, seed_resize_from_w=0, seed_resize_from_h=0, tiling=False, user=None,
            extra_generation_params=strength, is_using_inpainting_conditioning=False,
            clip_skip=task.get("clipSkip", 0) + 1,
        )
        text = write(process, [prompt], [task["seed"]], [0], index=0)
        parsed = parse(text)
        lossless = parsed["Prompt"] == prompt and parsed["Negative prompt"] == avoid
        # Only these shapes may lose anything: whitespace around lines, and a second negative prompt.
        assert lossless or prompt != stripped(prompt) or avoid != stripped(avoid) or "Negative prompt:" in prompt
        if prompt:
            task["positivePrompt"] = prompt
        if avoid:
            task["negativePrompt"] = avoid
        yield {"task": task, "model": model, "text": text, "parsed": read(text), "lossless": lossless}


TEXTS = [
    # 1.5 and before: the schedule is part of the sampler's name.
    "a castle, (sunset:1.3), [fog]\nNegative prompt: people, text\nSteps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 3141592653, Size: 640x448, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Clip skip: 2, ENSD: 31337",
    # 1.10 with hires fix, and the noise of a GPU.
    "portrait of a knight\nNegative prompt: bad hands,\nblurry\nSteps: 25, Sampler: DPM++ 2M, Schedule type: Automatic, CFG scale: 7, Seed: 12, Size: 512x768, Model hash: 463d6a9fe8, Model: absolutereality_v181, Denoising strength: 0.4, Hires upscale: 2, Hires steps: 10, Hires upscaler: R-ESRGAN 4x+, Version: v1.10.1",
    # LoRA with hashes, an extension's quoted settings.
    "<lora:add_detail:0.8> a fox <lora:film grain:-0.5:1>, \\(drawing\\)\nSteps: 30, Sampler: Euler a, Schedule type: Automatic, CFG scale: 8, Seed: 77, Size: 512x512, Model: x, Lora hashes: \"add_detail: 7c6bad76eb54, film grain: 0123456789ab\", ControlNet 0: \"Module: canny, Model: control_v11p_sd15_canny [d14c016b], Weight: 1, Resize Mode: Crop and Resize\", TI hashes: \"easynegative: c74b4e810b03\", Version: v1.9.4",
    # Forge.
    "cat\nSteps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 1, Size: 896x1152, Model hash: bea01d51bd, Model: flux1-dev-bnb-nf4, Version: f2.0.1v1.10.1-previous-634-g37301b22, Diffusion in Low Bits: Automatic, Module 1: ae, Module 2: clip_l",
    # Values with line breaks are quoted; unbalanced quotes; empty values; no space after commas.
    "cat\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64, Template: \"a, {b|c}\\n__d__\", Negative Template: \"bad\", Version: v1.6.0",
    "x\nSteps: 20, Sampler: \"Euler, CFG scale: 7, Seed: 5, Size: 1x1, Model: \"a\"b, User: , Extra: \"\", Last: \"q\\\"r\"",
    "x\nSteps:20,Sampler:Euler,CFG scale:7,Seed:5",
    # Fewer than three settings are part of the prompt.
    "x\nSteps: 20, Seed: 5",
    "only a prompt",
    "",
    "\n\n  \nNegative prompt: n\n",
    "Steps: 20, Sampler: Euler, CFG scale: 7, Seed: 5",
    "a: b, c: d, e: f",
    "x\r\nNegative prompt: y\r\nSteps: 20, Sampler: Heun, CFG scale: 7, Seed: 5, Size: 128x64\r\n",
    "x\nNegative prompt:y\nNegative prompt: z\nSteps: 20, Sampler: DPM++ SDE Karras, CFG scale: 5, Seed: 5, Face restoration: CodeFormer, Variation seed: 7, Variation seed strength: 0.1, Seed resize from: 512x512, Tiling: True",
    "x\nSteps: 4, Sampler: LCM, CFG scale: 1.5, Seed: 5, Ключ: значение, sd-webui/x y: 1, _a: 2, -no: 3, k: 4, RNG: CPU, Civitai resources: [{\"type\":\"checkpoint\",\"modelVersionId\":128713}], Civitai metadata: {}",
]
PIECES = [
    "Steps: 20", "Seed: 5", "Size: 64x32", "Negative prompt:", "\n", "\n", ",", ", ", ":", ": ", "\"", "\\", " ", "a",
    "b-c/d", "Sampler: Euler a", "\t", "ä", "7", "\"a, b\"", "\"\\n\"", "-", "Model: \"x: y\"",
]
SETTINGS = [
    "Steps: 20", "Size: 64x32", "Seed:5", "Model: \"x: y, z\"", "T: \"\\n\"", "Q: \"a", "Ä ö/ü-1 : x", "E: ", "E2: \"\"", "7 x: 7x7x7",
    "a", "Size: no", "w: \"\\\"\"", "k: \"v\" w", "\\: x", "Negative prompt: n", "N\u0301a: b", "sp  aces:  v  ",
]
PAIRS = [
    (sampler, schedule)
    for sampler in ["DPM++ 2M", "DPM++ 2M Karras", "DPM++ 2M SDE Exponential", "DPM++ 3M SDE", "Euler a", "Euler", "Heun Karras",
                    "DDIM", "UniPC", "LCM", "LMS Karras", "DPM2 a Karras", "PLMS", "DPM++ 2M SGMUniform", "Nobody's", None]
    for schedule in [None, "Automatic", "Karras", "Exponential", "SGM Uniform", "Beta", "Nothing's"]
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--webui", type=pathlib.Path, required=True)
    write, parse, pair = load(parser.parse_args().webui)
    defaults = parse("")

    def read(text):
        return {key: value for key, value in parse(text).items() if key not in defaults or defaults[key] != value}

    draw = random.Random(1)
    noise = ["".join(draw.choice(PIECES) for _ in range(draw.randrange(4, 40))) for _ in range(200)]
    for _ in range(200):
        settings = "".join(draw.choice(SETTINGS) + draw.choice([",", ", ", ", ", ":", " "]) for _ in range(draw.randrange(3, 12)))
        noise.append("".join(draw.choice(PIECES) for _ in range(draw.randrange(4, 20))) + "\n" + settings)
    golden = {
        "written": list(written(write, parse, read)),
        "read": [{"text": text, "parsed": read(text)} for text in TEXTS],
        "random": [{"text": text, "parsed": read(text)} for text in noise],
        "samplers": [[*names, *pair(*names)] for names in PAIRS],
        "defaults": defaults,
    }
    (HERE / "a1111.json").write_text(json.dumps(golden, ensure_ascii=False, indent=0) + "\n")


if __name__ == "__main__":
    main()
