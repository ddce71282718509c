"""Weighted prompts: what the packages compel and sd_embed make of them, with the demo model's tokenizer.

    python prompts.py --model DEMO_MODEL_FOLDER --sd-embed CHECKOUT_OF_SD_EMBED [--out FOLDER]

compel: the package 2.5.1, `Compel(..., truncate_long_prompts=False)`, otherwise its defaults (parts of weight < 1 are
masked; long prompts are cut at sentences). sdEmbeds: `get_weighted_text_embeddings_sd15(pad_last_block=True)` of
github.com/xhinker/sd_embed (Apache-2.0) at 4a47f71, run from its own files; only the two token ids of CLIP-L it has
written into `group_tokens_and_weights` are replaced by those of the tokenizer in use. plain: one chunk, cut, as diffusers.

Writes prompts.json: text, syntax, the parsed parts with weights (null where the reference fails), tokens per chunk,
names of tensors. Writes prompts.safetensors, f32: `toy.<n>` [tokens, 6], the encoding when the text encoder is the
toy below, and for a few prompts `real.<n>` [tokens, 32], with the demo model's text encoder, every fourth channel.
Writes prompts_random.json: random, mostly malformed texts and what the references parse them to.
"""

import argparse
import ast
import json
import math
import pathlib
import random
import re
import types

import torch
from compel import Compel
from compel.prompt_parser import Blend, Fragment, PromptParser
from reference import FOLDER, demo_pipeline, write_tensors

LONG = "a fox, noto style, on a teal background. A second sentence with a RED apple; "
COMPEL = [
    "", " ", "a panda, 3d style", "*a cat+, a dog-", "*(a cat on a (red+ apple)--)1.3, green background", "small+++ dog, pixar style",
    "small dog, (pixar style)-", "(small+ dog)++, pixar style", "small dog, (pixar)1.2 style", "a (cat)0 dog",
    "a (cat)0.5 and (dog)0.3, (apple)1.5", "(a cat)0.000001", '"a red apple"++ on a table', '"a red apple"0.7 on, a table.',
    "a (fox)1.0 runs", "a (fox).5 runs", "a (fox)1. runs", "a (fox)2.5.1 x", "cat.attend(1.4) dog", "(big cat) .attend( -- ) dog",
    "cat.attend(1.4 dog", '*("small dog", "robot").blend(1, 0.8)', '("small dog", "robot+ arm-").blend()', '("a","b","c").blend(1,-0.5,2)',
    '("a dog","robot").blend(0.7,0.9,no_normalize)', '("a","b").blend(1)', '("a","b").blend(1,x)', '("a","b").blend(1,1) c', "(cat, dog).blend(1, 3)",
    "(big cat, dog).blend(1, 3)", '("a e=mc^2 cat", "a dog").blend(1,1)', '*("small dog", "pixar style").and()',
    '("small dog-", "pixar style", "").and(1, 0.5, -0.2)', '("a").and(0.7)', '("a","b").add(1,2) and more words', '("a","b").and(1)',
    '(("a","b").blend(1,1), "c").and()', "()", "a () b", "()+ cat", '""', '"" cat', '""- cat', "(unbalanced cat+", "unbalanced)+ cat", ")(+ -", "a+b c-d e+ f- g+- h-+ +i -j + -",
    "a=b (c=d)+ (e f)+=g", "\\(not weighted\\)+ and \\(this one\\)", "a \\\"quoted\\\" (\\(cat\\))1.2", "(a\\, b\\.c\\+)+", "a,b,,c (d,e)-,f",
    '"an (inner cat)++ of" 1.2', '"an (inner cat)++ of"1.2', '"open quote cat', 'a "b\\" c"+ d', '"a\\"+', '"a \\tb \\n c"+', "caf\u00e9+ na\u00efve- \u00dcBER", "(\U0001f43c and \u2764\ufe0f)1.2 \u65e5\u672c\u8a9e-",
    "a\u3000b+ (c)\u3000+ (d)\u00a0 1.2", "two\nlines+ (a\nb)+ \"c\nd\"+", "tab\t(cat)\t1.2 (dog) 1.2", "a\u000bb", "\u00a0", LONG * 5, "*" + (LONG * 9).replace("RED apple", "(RED apple)1.2").replace("second", "second-"),
    "fox " * 80 + "(cat dog)- " * 3, "(" + "red fox " * 80 + ")0.6 tail", "(" + "fox, " * 60 + ")1.2 " + "tail- " * 30, "zyxwvut" * 60 + "- a",
    '("' + LONG * 6 + '", "short").blend(1, 1)', '("' + LONG * 6 + '", "short").and(0.9, 1.1)', "((((cat))))+", "((((cat)+)+)-)-", "((cat)+", "(a)+(b)-(c)1.2", "(a)+b", "a(b)+", "1.5 (2)2 (3)-3", "-5 --5 5- 5-- -a --a",
    "'single' (it's)+ we'll-", "[cat] (dog:1.3)", "{a|b}+", "<tag>+ a/b\\c-", "a\\+ b\\- c\\+ d", "cat. (dog)1.1. fox.", "(cat. dog.)1.1.", "(a.b)+ a.b+", "(cat)+1.5 (dog)-0.5", "a . b , c", "word\\", "(word\\)+ x",
    "withLora cat", "withlora(x) cat", "cat .blend(1)", '("a", ()).blend(1, 1)', '("a", ()).and(1, 0.5)', "(a, b).and(0.5, 1=3)", '("a" "b").and()', '("a",).and()',
]
SD_EMBEDS = [
    "", " ", "a panda, 3d style", "*an (important) word", "(unbalanced", "unbalanced) ]", "\\(literal\\]", "(unnecessary)(parens)", "*a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
    "(small) dog, pixar style", "small dog, [pixar style]", "(small:2.5) dog", "*(small dog:1.5), [[pixar] style:0.5]", "[a (b [c (d:1.4)])]", "a:b (c:d) (e:1.2", "(x:1.5)(y:.5)(z:-1)(w:+2.)(v:0)", "(a:1.2.3)", "(a:.)", "a:1.5)",
    "*a cat BREAK a dog BREAKER BREAK\n(red BREAK blue)", "BREAK", "BREAK BREAK", "a\\\\(b) c\\d \\", "(()) [] ([)]", "(:1.3) a (b::1.3)", "caf\u00e9 (na\u00efve:1.3) (\U0001f43c) [\u65e5\u672c\u8a9e]", "(two\nlines) \ttab",
    LONG * 3, "*" + (LONG * 7).replace("RED apple", "(RED apple:1.2)").replace("second", "[second]"), "fox " * 75, "fox " * 76, "fox " * 150 + "(cat)", "(" + "red fox " * 100 + ":0.6) tail", "()", "a+ b- (c)1.2", "((((((((((deep))))))))))", "[[[[[[[[deep]]]]]]]]", "(a :1.2) ( b: 1.2) (c:1,2)", "(a:1e1)", "(a:60000)b",
]
# What random texts for the grammars are put together from.
COMPEL_SIGNS = ["a", "cat", "5", "1.2", ".5", " ", " ", "(", "(", ")", ")", '"', '"', "+", "-", "++", "--", ",", ".", "=", "\\", '\\"', "\\(",
                ".blend(", ".and(", ".swap(", ".attend(", "withLora(", "no_normalize", "\n", '("a", "b")', "\u3000",
                "(a b)", '"a b"', "(a cat)+", "b-- ", '"cat"1.2', "(", ")1.2", ")+", "c", " d"]
SD_EMBEDS_SIGNS = ["a", "cat", "5", ":1.2)", ":.5)", " ", "(", "(", ")", "[", "]", ":", ".", "+", "-", "\\", "\\(", "BREAK", "BREAK ", "\n", ":-2)"]
PLAIN = ["", "a (panda:1.2)+, 3d style", LONG * 5]
CHANNELS = 6
RANDOM_TEXTS = 400


class Toy(torch.nn.Module):
    """A text encoder that can be written down anywhere: a wave for each token and place, and a mean over what is visible."""

    device = torch.device("cpu")
    dtype = torch.float32

    def forward(self, ids, mask=None, **_):
        place = torch.arange(77, dtype=torch.float64)
        channel = torch.arange(CHANNELS, dtype=torch.float64)
        token = (ids[0] % 997).double()
        wave = torch.sin(0.037 * token[:, None] * (channel + 1) + 0.13 * place[:, None] + channel)
        before = place[:, None] - place[None, :]
        weight = torch.where(before >= 0, 1 / (1 + before.abs()), 0.0)
        if mask is not None:
            weight = weight * mask[0].double()
        hidden = (0.5 * wave + weight @ wave / weight.sum(1, keepdim=True)).float()[None]
        return Answer(hidden)


class Answer(tuple):
    def __new__(cls, hidden):
        return super().__new__(cls, (hidden,))

    @property
    def last_hidden_state(self):
        return self[0]


def sd_embed_functions(folder, tokenizer):
    """The functions of sd_embed that this needs, without the imports of the others."""
    space = {"torch": torch, "re": re, "StableDiffusionPipeline": None, "CLIPTokenizer": None}
    source = folder / "src" / "sd_embed"
    names = {"re_attention", "re_break", "parse_prompt_attention", "get_prompts_tokens_with_weights",
             "group_tokens_and_weights", "get_weighted_text_embeddings_sd15"}
    for file in ("prompt_parser.py", "embedding_funcs.py"):
        text = (source / file).read_text()
        marks = "bos,eos = 49406,49407"
        if file == "embedding_funcs.py":
            assert marks in text
            text = text.replace(marks, f"bos,eos = {tokenizer.bos_token_id},{tokenizer.eos_token_id}")
        for part in ast.parse(text).body:
            name = getattr(part, "name", None) or getattr(getattr(part, "targets", [None])[0], "id", None)
            if name in names:
                exec(compile(ast.Module([part], []), file, "exec"), space)
                names.discard(name)
    assert not names, names
    return space


def compel_parts(text):
    """Clauses, whether they are blended, whether with normalised weights."""
    whole = PromptParser().parse_conjunction(text)
    parts = lambda prompt: [[part.text, part.weight] for part in prompt.children]
    if type(whole.prompts[0]) is Blend:
        blend = whole.prompts[0]
        clauses = [{"segments": parts(p), "weight": w} for p, w in zip(blend.prompts, blend.weights)]
        return clauses, True, blend.normalize_weights
    return [{"segments": parts(p), "weight": w} for p, w in zip(whole.prompts, whole.weights)], False, False


def refused(whole):
    """Whether a text asks for more than a text encoder: attention control or a LoRA."""
    return bool(whole.lora_weights) or any(
        type(part) is not Fragment for prompt in whole.prompts for text in getattr(prompt, "prompts", [prompt]) for part in text.children
    )


def random_texts(sd_embed):
    """Random texts and what the references parse them to (null where they fail): mostly malformed ones."""
    draw, parser, found = random.Random(7), PromptParser(), []
    for signs, syntax in ((COMPEL_SIGNS, "compel"), (SD_EMBEDS_SIGNS, "sdEmbeds")):
        for _ in range(RANDOM_TEXTS):
            text = "".join(draw.choices(signs, k=draw.randint(2, 12)))
            if draw.random() < 0.2 and syntax == "compel":
                text = '("a' + text + '", b)' + draw.choice([".blend(1, 2)", ".and(1, 0.5)", ".blend(-.5, 1., no_normalize)"])
            golden = {"text": text, "syntax": syntax, "parsed": None, "blend": False, "normalise": False}
            try:
                if syntax == "sdEmbeds":
                    golden["parsed"] = [{"segments": sd_embed["parse_prompt_attention"](text), "weight": 1.0}]
                elif not refused(parser.parse_conjunction(text)):
                    golden["parsed"], golden["blend"], golden["normalise"] = compel_parts(text)
            except Exception:  # whatever the reference raises, it refuses the prompt
                pass
            golden["parsed"] = golden["parsed"] or None
            found.append(golden)
    return found


def chunk_lengths(encoder, tokenizer, run):
    """Tokens of the text in each chunk the reference encodes, in order, from the ids themselves."""
    seen = []
    forward = encoder.forward
    encoder.forward = lambda ids, *rest, **named: (seen.append(ids[0].tolist()), forward(ids, *rest, **named))[1]
    try:
        run()
    finally:
        del encoder.forward
    return [ids[1:].index(tokenizer.eos_token_id) for ids in seen]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--sd-embed", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER)
    options = parser.parse_args()
    pipe = demo_pipeline(options.model)
    tokenizer, toy = pipe.tokenizer, Toy()
    layers = types.SimpleNamespace(encoder=types.SimpleNamespace(layers=[]))
    toy.text_model = layers
    sd_embed = sd_embed_functions(options.sd_embed, tokenizer)

    def compel(encoder, text):
        return Compel(tokenizer=tokenizer, text_encoder=encoder, truncate_long_prompts=False)(text)[0]

    def sd15(encoder, text):
        # A lone bracket has no tokens: the negative prompt never decides the length.
        stand_in = types.SimpleNamespace(tokenizer=tokenizer, text_encoder=encoder, device=torch.device("cpu"))
        return sd_embed["get_weighted_text_embeddings_sd15"](stand_in, text, "(", pad_last_block=True)[0][0].clone()

    def plain(encoder, text):
        ids = tokenizer(text, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return encoder(ids)[0][0]

    tensors, goldens = {}, []
    for syntax, prompts, encode in (("compel", COMPEL, compel), ("sdEmbeds", SD_EMBEDS, sd15), ("plain", PLAIN, plain)):
        for text in prompts:
            text, real = text.removeprefix("*"), text.startswith("*")
            golden = {"text": text, "syntax": syntax, "parsed": None, "blend": False, "normalise": False, "chunks": None, "toy": None, "real": None}
            goldens.append(golden)
            number = len(goldens) - 1
            try:
                if syntax == "compel":
                    golden["parsed"], golden["blend"], golden["normalise"] = compel_parts(text)
                    golden["parsed"] = golden["parsed"] or None
                elif syntax == "sdEmbeds":
                    parts = sd_embed["parse_prompt_attention"](text or "empty")
                    golden["parsed"] = [{"segments": [[t, float(w)] for t, w in parts], "weight": 1.0}]
                else:
                    golden["parsed"] = [{"segments": [[text, 1.0]], "weight": 1.0}]
                encoding = encode(toy, text)
            except Exception as error:  # whatever the reference raises, it refuses the prompt
                print(f"{syntax}: {text[:60]!r} is refused: {type(error).__name__}: {str(error)[:80]}")
                continue
            if not torch.isfinite(encoding).all():
                print(f"{syntax}: {text[:60]!r} is not finite")
                continue
            golden["toy"] = f"toy.{number}"
            tensors[golden["toy"]] = encoding
            simple = len(golden["parsed"]) == 1 and all(weight == 1 for _, weight in golden["parsed"][0]["segments"])
            if syntax != "compel" or simple and golden["parsed"][0]["weight"] == 1:
                lengths = chunk_lengths(toy, tokenizer, lambda: encode(toy, text))
                # sd_embed encodes a chunk of the negative prompt after each of the positive one.
                golden["chunks"] = lengths[::2] if syntax == "sdEmbeds" else lengths
            if real:
                golden["real"] = f"real.{number}"
                tensors[golden["real"]] = encode(pipe.text_encoder, text)[:, ::4].clone()
    write_tensors(options.out / "prompts.safetensors", tensors)
    (options.out / "prompts.json").write_text(json.dumps(goldens, indent=1, ensure_ascii=True) + "\n")
    texts = "[\n" + ",\n".join(json.dumps(golden) for golden in random_texts(sd_embed)) + "\n]\n"
    (options.out / "prompts_random.json").write_text(texts)
    counts = {syntax: sum(g["syntax"] == syntax for g in goldens) for syntax in ("compel", "sdEmbeds", "plain")}
    print(counts, sum(g["real"] is not None for g in goldens), "real", sum(math.prod(t.shape) * 4 for t in tensors.values()), "bytes")


if __name__ == "__main__":
    main()
