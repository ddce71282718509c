"""LoRA files of every layout for `tiny-sd1`, and the weights that the checkpoint has with each of them.

    python lora.py --model DEMO_MODEL_FOLDER [--out FOLDER]

Writes lora/<case>.safetensors, random files as their trainers write them, and lora.safetensors, in which

    <case>/<weight>/<unet or text_encoder>/<diffusers name>      f32, the changed tensor

for the weights below. Who reads the files here: diffusers (`load_lora_weights`, `fuse_lora`) the cases of `diffusers_cases`,
peft those of `peft_cases`, the package lycoris-lora those of `lycoris_cases`. Its modules are run on the layer, and what
they do is read from their answers, because in 4.1.3 `get_merged_weight` multiplies LoHa and LoKr with alpha over rank
twice (running does it once).

`stack` is three files at once, with the weights STACK. What two files with DoRA do together depends in peft on their
order, and differs between merging and running; `dora-stack` is the checkpoint plus what each of DORA_STACK, merged
alone, adds to it.
"""

import copy
import json

import peft
import torch
from diffusers import StableDiffusionPipeline
from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY
from diffusers.utils import logging as diffusers_logging
from lycoris.modules.full import FullModule
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from lycoris.modules.norms import NormModule
from reference import arguments, write_tensors
from safetensors.torch import save
from single_file import RESNET, UNET, renamed, unet_blocks

diffusers_logging.set_verbosity_error()
diffusers_logging.disable_progress_bar()
WEIGHTS = (-1.0, 0.5, 2.0)
STACK = (("kohya", 0.5), ("original", -1.0), ("linear-layer", 2.0))
DORA_STACK = (("dora", 0.5), ("dora-two", 2.0))
RANK = 4

ATTENTION = [
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
    "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_k",
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_v",
    "up_blocks.3.attentions.2.transformer_blocks.0.attn1.to_out.0",
]
LINEAR = ATTENTION + ["up_blocks.3.attentions.2.transformer_blocks.0.ff.net.2", "down_blocks.1.resnets.0.time_emb_proj"]
CONV = [
    "down_blocks.1.attentions.0.proj_in",
    "down_blocks.0.resnets.0.conv1",
    "down_blocks.0.downsamplers.0.conv",
    "up_blocks.3.resnets.0.conv_shortcut",
]
TEXT_ATTENTION = ["encoder.layers.0.self_attn.q_proj", "encoder.layers.1.self_attn.out_proj"]
TEXT = TEXT_ATTENTION + ["encoder.layers.1.mlp.fc1"]
NORMS = ["down_blocks.0.resnets.0.norm1", "down_blocks.0.attentions.0.transformer_blocks.0.norm1"]


class Random:
    """Numbers from a seed, exact in f16."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape):
        return (torch.randn(shape, generator=self.generator) * 0.3).half().float()


class Golden:
    """What is written: files, and the changed tensors under each weight."""

    def __init__(self, out):
        self.out, self.tensors = out / "lora", {}
        self.out.mkdir(parents=True, exist_ok=True)

    def file(self, case, state, metadata=None):
        path = self.out / f"{case}.safetensors"
        path.write_bytes(save({name: tensor.contiguous() for name, tensor in state.items()}, metadata))
        return path

    def add(self, case, weight, part, name, tensor):
        prefix = "text_model." if part == "text_encoder" else ""
        self.tensors[f"{case}/{weight}/{part}/{prefix}{name}"] = tensor.detach().clone()


def layers(pipe, unet, text):
    """(part, name, layer of torch) of the layers that a case changes."""
    for part, names in (("unet", unet), ("text_encoder", text)):
        for name in names:
            yield part, name, getattr(pipe, part).get_submodule(name)


def factors(random, layer):
    """Down and up of a plain LoRA."""
    weight = layer.weight
    return random(RANK, *weight.shape[1:]), random(weight.shape[0], RANK, *[1] * (weight.dim() - 2))


def original(name):
    """A layer's LDM name."""
    return renamed(name + ".", unet_blocks(UNET), RESNET if ".resnets." in name else {}).removesuffix(".")


def flat(part, name, text="lora_te_"):
    name = f"text_model.{name}" if part == "text_encoder" else name
    return (text if part == "text_encoder" else "lora_unet_") + name.replace(".", "_")


def kohya(pipe):
    """As kohya's trainer writes it: names of diffusers with underscores, f16, an alpha for each layer."""
    state, random = {}, Random(1)
    for i, (part, name, layer) in enumerate(layers(pipe, LINEAR + CONV, TEXT)):
        down, up = factors(random, layer)
        # diffusers 0.42.1 overlooks an attention layer's own alpha, so all of them have the one that is most common.
        alpha = 2.0 if part == "text_encoder" else 1.0 if name in ATTENTION else float(i % 3 + 1)
        key = flat(part, name)
        state |= {f"{key}.lora_down.weight": down.half(), f"{key}.lora_up.weight": up.half()}
        state[f"{key}.alpha"] = torch.tensor(alpha, dtype=torch.float16)
    return state


def ldm(pipe):
    """The same with the original's names (as for SDXL), bf16 and an integer for alpha."""
    state, random = {}, Random(2)
    for part, name, layer in layers(pipe, LINEAR + CONV, TEXT):
        down, up = factors(random, layer)
        key = flat(part, original(name) if part == "unet" else name, "lora_te1_")
        state |= {f"{key}.lora_down.weight": down.bfloat16(), f"{key}.lora_up.weight": up.bfloat16()}
        state[f"{key}.alpha"] = torch.tensor(2)
    return state


def processors(pipe):
    """diffusers before 0.17: LoRAs of the attention processors only."""
    state, random = {}, Random(3)
    renaming = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}
    for part, name, layer in layers(pipe, ATTENTION, TEXT_ATTENTION):
        down, up = factors(random, layer)
        block, projection = name.removesuffix(".0").rsplit(".", 1)
        projection = renaming.get(projection, projection)
        key = f"unet.{block}.processor." if part == "unet" else f"text_encoder.text_model.{block}."
        state |= {f"{key}{projection}_lora.down.weight": down, f"{key}{projection}_lora.up.weight": up}
    return state


def linear_layer(pipe):
    """diffusers 0.17 to 0.21: `.lora.down.weight` in the UNet, `.lora_linear_layer.down.weight` in the text encoder."""
    state, random = {}, Random(4)
    for part, name, layer in layers(pipe, LINEAR + CONV, TEXT):
        down, up = factors(random, layer)
        key = f"unet.{name}.lora." if part == "unet" else f"text_encoder.text_model.{name}.lora_linear_layer."
        state |= {f"{key}down.weight": down, f"{key}up.weight": up}
    return state


def with_peft(pipe):
    """diffusers today: PEFT's names, and its settings in the metadata (alpha, ranks, rank-stabilised in the UNet)."""
    state, random = {}, Random(5)
    for i, (part, name, layer) in enumerate(layers(pipe, LINEAR + CONV, TEXT)):
        down, up = factors(random, layer)
        if i == 1:
            down, up = down[:2], up[:, :2]
        key = f"{part}.{name}" if part == "unet" else f"{part}.text_model.{name}"
        state |= {f"{key}.lora_A.weight": down, f"{key}.lora_B.weight": up}
    settings = {
        "unet.r": RANK, "unet.lora_alpha": 6, "unet.use_rslora": True, "unet.target_modules": LINEAR + CONV,
        "unet.alpha_pattern": {LINEAR[1]: 3, "proj_in": 8}, "unet.rank_pattern": {LINEAR[1]: 2},
        "text_encoder.r": RANK, "text_encoder.lora_alpha": 1, "text_encoder.target_modules": TEXT,
    }
    return state, {LORA_ADAPTER_METADATA_KEY: json.dumps(settings)}


def load(pipe, path, name):
    """`load_lora_weights`, with the UNet's shape, without which it knows names of the original for SDXL only."""
    state, alphas, metadata = pipe.lora_state_dict(str(path), unet_config=pipe.unet.config, return_lora_metadata=True)
    pipe.load_lora_into_unet(state, alphas, pipe.unet, adapter_name=name, metadata=metadata, _pipeline=pipe)
    pipe.load_lora_into_text_encoder(state, alphas, pipe.text_encoder, adapter_name=name, metadata=metadata, _pipeline=pipe)


def fused(pipe, golden, case, paths_and_weights, weight):
    """Stores the weights of all layers that changed, after diffusers loaded and fused."""
    pipe = copy.deepcopy(pipe)
    before = {part: dict(getattr(pipe, part).named_parameters()) for part in ("unet", "text_encoder")}
    before = {part: {name: p.clone() for name, p in parameters.items()} for part, parameters in before.items()}
    names = []
    for i, (path, _) in enumerate(paths_and_weights):
        load(pipe, path, f"a{i}")
        names.append(f"a{i}")
    pipe.set_adapters(names, [w for _, w in paths_and_weights])
    pipe.fuse_lora(components=["unet", "text_encoder"], adapter_names=names)
    for part, parameters in before.items():
        for name, parameter in getattr(pipe, part).named_parameters():
            name = name.replace(".base_layer", "")
            if ".lora_" not in name and not torch.equal(parameter, parameters[name]):
                golden.add(case, weight, part, name, parameter)


def diffusers_cases(pipe, golden):
    paths = {}
    for case, made in {
        "kohya": (kohya(pipe), {"modelspec.trigger_phrase": "tok woman, blue hat"}),
        "original": (ldm(pipe), None),
        "processors": (processors(pipe), None),
        "linear-layer": (linear_layer(pipe), None),
        "peft": with_peft(pipe),
    }.items():
        paths[case] = golden.file(case, *made)
        for weight in WEIGHTS:
            fused(pipe, golden, case, [(paths[case], weight)], weight)
    fused(pipe, golden, "stack", [(paths[case], weight) for case, weight in STACK], 1.0)
    return paths


def peft_unet(pipe, seed, **settings):
    """The UNet with a random adapter of peft."""
    random = Random(seed)
    config = peft.LoraConfig(r=RANK, lora_alpha=RANK, target_modules=LINEAR + CONV, **settings)
    model = peft.get_peft_model(copy.deepcopy(pipe.unet), config)
    for name, parameter in model.named_parameters():
        if ".lora_magnitude_vector." in name:
            # Away from the lengths that the rows have, or nothing would be seen of them.
            parameter.data *= 1 + random(*parameter.shape).abs()
        elif ".lora_" in name:
            parameter.data = random(*parameter.shape)
    return model


def peft_cases(pipe, golden):
    models = {"wrapped": peft_unet(pipe, 6), "dora": peft_unet(pipe, 7, use_dora=True), "dora-two": peft_unet(pipe, 8, use_dora=True)}
    for case, model in models.items():
        state = model.state_dict() if case == "wrapped" else peft.get_peft_model_state_dict(model)
        # The bare names of the live model carry the adapter's name; those that peft saves do not.
        state = {name: tensor for name, tensor in state.items() if ".lora_" in name}
        if case == "dora":
            state = {name.replace("base_model.model.", "unet."): tensor for name, tensor in state.items()}
        golden.file(case, state)
        for weight in WEIGHTS:
            for name, merged in merged_weights(model, weight):
                golden.add(case, weight, "unet", name, merged)
    for name, merged in merged_weights(models[DORA_STACK[0][0]], DORA_STACK[0][1]):
        base = pipe.unet.get_parameter(name)
        others = [dict(merged_weights(models[case], weight))[name] for case, weight in DORA_STACK[1:]]
        golden.add("dora-stack", 1.0, "unet", name, merged + sum(other - base for other in others))


def merged_weights(model, weight):
    """The weights of the changed layers, the adapter merged with a weight."""
    model = copy.deepcopy(model)
    changed = [(name, model.base_model.model.get_submodule(name)) for name in LINEAR + CONV]
    for _, layer in changed:
        layer.set_scale("default", weight)
    model.merge_adapter()
    return [(name + ".weight", layer.base_layer.weight) for name, layer in changed]


def effective(run, layer):
    """Weight and bias of the affine map `run`, which has the shape of `layer`, from its answers."""
    if isinstance(layer, torch.nn.Linear):
        bias = run(torch.zeros(1, layer.in_features))[0]
        return (run(torch.eye(layer.in_features)) - bias).T, bias
    # One impulse at each place that the second number of the second row of the answer sees.
    channels, kernel = layer.in_channels, layer.kernel_size[0]
    start, count = layer.stride[0] - layer.padding[0], channels * kernel * kernel
    pictures = torch.zeros(1 + count, channels, 5, 5)
    window = torch.eye(count).reshape(count, channels, kernel, kernel)
    pictures[1:, :, start : start + kernel, start : start + kernel] = window
    answers = run(pictures)[:, :, 1, 1]
    return (answers[1:] - answers[0]).T.reshape(-1, channels, kernel, kernel), answers[0]


def lycoris_modules(pipe):
    """{case: [(part, layer's name, layer, its module)]}"""
    some = LINEAR[:1] + LINEAR[4:5] + CONV
    for case, kind, options, unet, text in (
        ("locon", LoConModule, {}, LINEAR[:2] + CONV, TEXT[:1]),
        ("locon-tucker", LoConModule, {"use_tucker": True}, CONV[1:3], []),
        ("loha", LohaModule, {}, LINEAR[:2] + CONV, TEXT[2:]),
        ("loha-tucker", LohaModule, {"use_tucker": True}, CONV[1:3], []),
        ("lokr", LokrModule, {"lora_dim": 1}, some, TEXT[:1]),
        ("lokr-factor", LokrModule, {"lora_dim": 2, "factor": 2}, some, TEXT[2:]),
        ("lokr-unbalanced", LokrModule, {"lora_dim": 1, "unbalanced_factorization": True}, some, []),
        ("lokr-both", LokrModule, {"lora_dim": 1, "factor": 4, "decompose_both": True}, some, TEXT[2:]),
        ("lokr-tucker", LokrModule, {"lora_dim": 1, "use_tucker": True}, CONV[1:3], []),
        ("lokr-full", LokrModule, {"full_matrix": True}, some, TEXT[:1]),
        ("locon-dora", LoConModule, {"weight_decompose": True}, some, TEXT[:1]),
        ("loha-dora", LohaModule, {"weight_decompose": True}, some, []),
        ("lokr-dora", LokrModule, {"weight_decompose": True, "lora_dim": 1}, some, []),
    ):
        random = Random(len(case) + ord(case[-1]))
        modules = []
        for part, name, layer in layers(pipe, unet, text):
            module = kind("layer", layer, **{"lora_dim": 3, "alpha": 2, **options})
            for key, parameter in module.named_parameters():
                parameter.data = parameter * (1.25 + random(*parameter.shape)) if key == "dora_scale" else 2 * random(*parameter.shape)
            modules.append((part, name, layer, module.eval()))
        yield case, modules


def lycoris_cases(pipe, golden):
    seen = set()
    for case, modules in lycoris_modules(pipe):
        state = {}
        for part, name, layer, module in modules:
            own = module.custom_state_dict()
            seen |= {f"{case.removesuffix('-dora')} {key}" for key in own}
            state |= {f"{flat(part, name)}.{key}": tensor for key, tensor in own.items()}
            # LyCORIS weighs the magnitudes in a way of its own; at 1 all agree.
            for weight in (1.0,) if case.endswith("-dora") else WEIGHTS:
                module.multiplier = weight
                golden.add(case, weight, part, name + ".weight", effective(module, layer)[0])
        golden.file(case, {name: tensor.clone() for name, tensor in state.items()})
    # Every form was met: whole, in two factors, with a core.
    for needed in ("lokr-factor lokr_w2", "lokr lokr_w2_a", "lokr-both lokr_w1_a", "lokr-tucker lokr_t2", "lokr-full lokr_w2",
                   "locon-tucker lora_mid.weight", "loha-tucker hada_t1"):
        assert needed in seen, (needed, sorted(seen))


def full_case(pipe, golden):
    """Whole changes of weights, biases and norms."""
    state, random = {}, Random(9)
    for part, name, layer in layers(pipe, LINEAR[:1] + CONV[:2], TEXT[:1]):
        diff = random(*layer.weight.shape)
        diff_b = None if layer.bias is None else random(*layer.bias.shape)
        module = FullModule.make_module_from_state_dict("layer", layer, diff, diff_b)
        state[f"{flat(part, name)}.diff"] = diff
        if diff_b is not None:
            state[f"{flat(part, name)}.diff_b"] = diff_b
        for weight in WEIGHTS:
            module.multiplier = weight
            changed, bias = effective(module, layer)
            golden.add("full", weight, part, name + ".weight", changed)
            if diff_b is not None:
                golden.add("full", weight, part, name + ".bias", bias)
    for part, name, layer in layers(pipe, NORMS, []):
        module = NormModule("layer", layer)
        for key in ("w_norm", "b_norm"):
            getattr(module, key).data = random(module.dim)
            state[f"{flat(part, name)}.{key}"] = getattr(module, key).data
        for weight in WEIGHTS:
            changed = module.make_weight(weight)
            for leaf, tensor in zip(("weight", "bias"), changed):
                golden.add("full", weight, part, f"{name}.{leaf}", tensor)
    golden.file("full", state)


def main():
    options = arguments(__doc__)
    folder = options.out / "tiny-sd1"
    pipe = StableDiffusionPipeline.from_single_file(
        str(folder / "model.safetensors"), config=str(folder / "config"), torch_dtype=torch.float32,
        local_files_only=True, safety_checker=None,
    )
    golden = Golden(options.out)
    diffusers_cases(pipe, golden)
    peft_cases(pipe, golden)
    lycoris_cases(pipe, golden)
    full_case(pipe, golden)
    write_tensors(options.out / "lora.safetensors", golden.tensors)
    cases = {}
    for name in golden.tensors:
        cases.setdefault("/".join(name.split("/")[:2]), []).append(name)
    for case, names in cases.items():
        print(case, len(names))


if __name__ == "__main__":
    main()
