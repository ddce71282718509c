"""Textual inversions: pictures and text encodings of the demo model by diffusers' load_textual_inversion in float32,
and the kinds of files that torch.save makes of them.

    python embeddings.py --model DEMO_MODEL_FOLDER [--out FOLDER]

Writes embeddings.json, embeddings/*.png, embeddings.safetensors (every fourth channel of text encodings, [77, 32]) and
embeddings/*.pt, *.bin: files with the vectors of the demo model's `addons/embedding-taxi.safetensors`, each in another
way, and `runs-*`, which would leave a file behind if anything in them were run. torch.load(weights_only=True) reads
the former as well; what it reads is compared here.

A task's `embeddings` name AIRs as the library gives them: the add-ons by their records, files by their stems. What
diffusers was told stands beside: tokens and the factor on their vectors. A task whose prompts hold no word of an
embedding stands beside a reference whose positive prompt ends with it.
"""

import json
import os
import zipfile

import safetensors.torch
import torch
from pictures import SCHEDULERS
from reference import arguments, demo_pipeline, write_tensors

TAXI, APPLE = "<taxi>", "<green-apple>"
FILES = {TAXI: "embedding-taxi", APPLE: "embedding-green-apple"}
AIRS = {TAXI: "local:demo-taxi@1", APPLE: "local:demo-green-apple@1"}

ON_GREEN = "a <taxi>, 3d style, on a green background"

# name, prompt of the task, prompt of the reference (None: the same), scheduler, seed, {token: weight}, what else is set
CASES = [
    ("taxi", ON_GREEN, None, "DPM++ 2M", 3, {TAXI: 1.0}, {}),
    ("apple", "a <green-apple>, noto style, on a teal background", None, "Euler", 5, {APPLE: 1.0}, {}),
    ("both", "a <taxi> and a <green-apple>, flat style", None, "DDIM", 8, {APPLE: 1.0, TAXI: 1.0}, {}),
    ("negative", "a car, 3d style, on a yellow background", None, "UniPC", 4, {TAXI: 1.0}, {"negativePrompt": "<taxi>, flat style"}),
    ("half", ON_GREEN, None, "DPM++ 2M", 3, {TAXI: 0.5}, {}),
    ("turned", ON_GREEN, None, "DPM++ 2M Karras", 6, {TAXI: -1.5}, {}),
    ("stem", "a Embedding-TAXI, 3d style", "a <taxi>, 3d style", "Euler a", 2, {TAXI: 1.0}, {}),
    ("unnamed", "a yellow thing", "a yellow thing <taxi>", "Euler", 9, {TAXI: 1.0}, {"negativePrompt": "a bus"}),
    ("clip-skip", ON_GREEN, None, "Euler", 12, {TAXI: 1.0}, {"clipSkip": 1}),
]

# text, {token: weight}; the last two are cut inside and before the two vectors.
ENCODED = [
    (ON_GREEN, {TAXI: 1.0}),
    ("<taxi><green-apple> <taxi>, x", {TAXI: 1.0, APPLE: 2.0}),
    ("a " * 74 + "<taxi> b", {TAXI: 1.0}),
    ("a " * 75 + "<taxi> b", {TAXI: 1.0}),
]


def vectors(model, token):
    """The numbers of an add-on, float32."""
    return safetensors.torch.load_file(model / "addons" / f"{FILES[token]}.safetensors")["emb_params"].float()


def pipeline(model, weights):
    """A fresh pipeline that knows the tokens."""
    pipe = demo_pipeline(model)
    for token, weight in weights.items():
        pipe.load_textual_inversion({token: vectors(model, token) * weight}, token=token)
    return pipe


def task_of(prompt, scheduler, seed, weights, other):
    """The imageInference task of a case."""
    task = {"taskType": "imageInference", "model": "local:demo@1", "positivePrompt": prompt, "width": 128, "height": 128}
    task |= {"steps": 8, "CFGScale": 5.0, "scheduler": scheduler, "seed": seed}
    embeddings = [{"model": AIRS[token]} | ({} if weight == 1 else {"weight": weight}) for token, weight in weights.items()]
    return task | {"embeddings": embeddings} | other


def draw(model, task, prompt, weights):
    import diffusers

    pipe = pipeline(model, weights)
    kind, options = SCHEDULERS[task["scheduler"]]
    pipe.scheduler = getattr(diffusers, kind).from_config(pipe.scheduler.config, **options)
    return pipe(
        prompt,
        negative_prompt=task.get("negativePrompt"),
        width=task["width"],
        height=task["height"],
        num_inference_steps=task["steps"],
        guidance_scale=task["CFGScale"],
        clip_skip=task.get("clipSkip"),
        generator=torch.Generator("cpu").manual_seed(task["seed"]),
    ).images[0]


def encoded(model, text, weights):
    pipe = pipeline(model, weights)
    return pipe.encode_prompt(text, "cpu", 1, False)[0][0, :, ::4]


def write_files(model, folder):
    """The same vectors in every kind of file, and what torch reads in each."""
    taxi = vectors(model, TAXI)
    one = taxi[:1].clone()
    a1111 = {"string_to_token": {"*": 265}, "string_to_param": {"*": taxi}, "name": "yellow cab", "step": 455}
    a1111 |= {"sd_checkpoint": None, "sd_checkpoint_name": None}
    parameters = torch.nn.ParameterDict({"*": torch.nn.Parameter(taxi)})
    original = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": parameters}
    table = torch.zeros(5, taxi.shape[1])
    table[2:4] = taxi
    contents = {
        "a1111.pt": a1111,
        "a1111-half.pt": a1111 | {"string_to_param": {"*": taxi.half()}},
        "original.pt": original,
        "diffusers.bin": {"<cab>": taxi},
        "diffusers-one.bin": {"<one>": one[0]},
        "diffusers-bf16.bin": {"<cab>": taxi.bfloat16()},
        "parameter.bin": {"<cab>": torch.nn.Parameter(taxi)},
        # What a script saves that keeps rows of the token table.
        "rows.bin": {"<cab>": table[2:4]},
        "nothing.pt": {"string_to_token": {}, "string_to_param": {}, "name": "x"},
        "several.bin": {"<a>": one, "<b>": one},
        "wide.pt": a1111 | {"string_to_param": {"*": torch.ones(2, 768)}},
        "nan.pt": a1111 | {"string_to_param": {"*": taxi * float("nan")}},
        "double.pt": a1111 | {"string_to_param": {"*": taxi.double()}},
        "turned.pt": a1111 | {"string_to_param": {"*": taxi.T.contiguous().T}},
    }
    for name, content in contents.items():
        torch.save(content, folder / name)
        if name not in ("original.pt", "nothing.pt"):
            stem, ending = name.split(".")
            torch.save(content, folder / f"{stem}-old.{ending}", _use_new_zipfile_serialization=False)
    torch.save(original, folder / "original-old.pt", _use_new_zipfile_serialization=False)
    for path in sorted([*folder.glob("*.pt"), *folder.glob("*.bin")]):
        if not path.name.startswith(("original", "runs-")):
            torch.load(path, weights_only=True)


class Runs:
    """Runs a command when it is loaded by a reader that trusts it."""

    def __init__(self, call, arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def write_traps(model, folder):
    """Files that ask to run something. They would leave `it-ran` in the folder they are loaded from."""
    taxi = vectors(model, TAXI)
    traps = {
        "runs-system": Runs(os.system, ("touch it-ran",)),
        "runs-open": Runs(open, ("it-ran", "w")),
        "runs-exec": Runs(exec, ("open('it-ran', 'w')",)),
        "runs-loads": Runs(torch.storage._load_from_bytes, (b"",)),
    }
    for name, trap in traps.items():
        content = {"string_to_param": {"*": taxi}, "name": trap}
        torch.save(content, folder / f"{name}.pt")
        torch.save(content, folder / f"{name}-old.pt", _use_new_zipfile_serialization=False)
    # By hand: other instructions that call something.
    pickles = {
        "runs-inst": b"(S'touch it-ran'\nios\nsystem\n.",
        "runs-inst-plain": b"(X\x0c\x00\x00\x00touch it-ranios\nsystem\n.",
        "runs-stack-global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0ctouch it-ran\x85R.",
        "runs-newobj": b"\x80\x02csubprocess\nPopen\nX\x05\x00\x00\x00touch\x85\x81.",
        "runs-build": b"\x80\x02ctorch\nFloatStorage\n}X\x0c\x00\x00\x00__setstate__cos\nsystem\nsb.",
        "runs-obj": b"(cos\nsystem\nX\x0c\x00\x00\x00touch it-rano.",
        "runs-ext": b"\x80\x02\x82\x01.",
    }
    for name, pickle in pickles.items():
        with zipfile.ZipFile(folder / f"{name}.pt", "w", zipfile.ZIP_STORED) as archive:
            for member, content in (("data.pkl", pickle), ("byteorder", b"little"), ("data/0", bytes(8))):
                archive.writestr(zipfile.ZipInfo(f"x/{member}"), content)


def main():
    args = arguments(__doc__)
    folder = args.out / "embeddings"
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    write_files(args.model, folder)
    write_traps(args.model, folder)
    entries = []
    for name, prompt, reference, scheduler, seed, weights, other in CASES:
        task = task_of(prompt, scheduler, seed, weights, other)
        draw(args.model, task, reference or prompt, weights).save(folder / f"{name}.png", optimize=True)
        entries.append({"name": name, "task": task, "picture": f"{name}.png", "diffusers": {"prompt": reference or prompt, "weights": weights}})
        print(name, flush=True)
    texts = [{"text": text, "weights": weights} for text, weights in ENCODED]
    (args.out / "embeddings.json").write_text(json.dumps({"pictures": entries, "texts": texts}, indent=1) + "\n")
    write_tensors(args.out / "embeddings.safetensors", {f"text.{n}": encoded(args.model, *case) for n, case in enumerate(ENCODED)})


if __name__ == "__main__":
    main()
