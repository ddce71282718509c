"""Token ids of the CLIP ViT-L/14 tokenizer, and the merges asset they need.

    python clip_tokenizer.py --merges ASSETS/tokenizers/clip-l/merges.txt [--source bpe_simple_vocab_16e6.txt.gz]

Writes tokens_clip_l.json beside itself: prompts and the 77 ids that transformers' CLIPTokenizer gives. With --source
(the file of OpenAI's CLIP, as the package open_clip_torch carries it) merges.txt is written first.

The vocabulary needs no file of its own. In order of its 49408 ids: the 256 byte tokens (bytes that print, in order,
then the others as U+0100 and up), the same 256 with "</w>", both halves of each of the 48894 merges joined,
"<|startoftext|>", "<|endoftext|>".
"""

import argparse
import gzip
import json
import pathlib

from reference import FOLDER
from transformers import CLIPTokenizer

MERGES = 49152 - 256 - 2
PROMPTS = [
    "a photo of a cat",
    "A Portrait of an ASTRONAUT riding a Horse, 4K, HDR",
    "it's the artist's best work!!! isn't it? we'll see, they've 100% done it...",
    "zyxwv qwertyuiop supercalifragilisticexpialidocious",
    "",
    "  two   spaces,\ttab\nand newline ",
    "caf\u00e9 na\u00efve \u00dcBER cre\u0300me br\u00fbl\u00e9e",
    "a \U0001f43c and \u2764\ufe0f on \u65e5\u672c\u8a9e \u041f\u0440\u0438\u0432\u0435\u0442",
    "1girl, 2 cats, 1920x1080, f/1.8, 85mm, v1.5",
    "hyphen-ated under_scored e=mc^2 ~ <tag> [x] {y} (a:1.2) a/b\\c",
    "trending on artstation, unreal engine, octane render, by greg rutkowski",
    "masterpiece, best quality, ultra detailed, volumetric lighting, " * 9,
]


def vocabulary(merges):
    """Token to id, from the merges alone."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = 256 - len(shown)
    letters = [chr(code) for code in shown] + [chr(256 + i) for i in range(others)]
    words = letters + [f"{letter}</w>" for letter in letters]
    words += [merge.replace(" ", "") for merge in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(words)) == len(words) == 49408
    return {word: i for i, word in enumerate(words)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--merges", type=pathlib.Path, required=True)
    parser.add_argument("--source", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER)
    args = parser.parse_args()
    if args.source:
        lines = gzip.decompress(args.source.read_bytes()).decode().split("\n")[1 : MERGES + 1]
        args.merges.write_bytes(("\n".join(["#version: 0.2", *lines]) + "\n").encode())
    merges = args.merges.read_text(encoding="utf-8").split("\n")[1:-1]
    assert len(merges) == MERGES
    tokenizer = CLIPTokenizer(
        vocab=vocabulary(merges), merges=[tuple(merge.split(" ")) for merge in merges], model_max_length=77
    )
    ids = tokenizer(PROMPTS, padding="max_length", max_length=77, truncation=True).input_ids
    assert ids[0] == [49406, 320, 1125, 539, 320, 2368] + [49407] * 71
    lines = ",\n".join(json.dumps({"text": text, "ids": row}) for text, row in zip(PROMPTS, ids))
    (args.out / "tokens_clip_l.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
