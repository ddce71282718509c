"""Small pictures with settings inside, written the way other programs write them.

    python carried.py            (packages pillow and piexif)

Writes carried/ and carried.json: for each file what it is expected to say, as this script put it in. Where the texts
stand follows the programs' own writers: A1111 1.10.1 (modules/images.py: Pillow's add_text, piexif for JPEG and WebP),
ComfyUI (SaveImage and SaveAnimatedWEBP: Pillow's add_text; EXIF tags 0x0110 and 0x010f), InvokeAI 6.14
(image_files_disk.py), InvokeAI 2.3 (pngwriter: `sd-metadata` and `Dream`). piexif.json holds the EXIF blocks piexif
makes of a few texts.
"""

import json
import pathlib

import piexif
import piexif.helper
from PIL import Image, PngImagePlugin

HERE = pathlib.Path(__file__).parent
OUT = HERE / "carried"
EXPECTED = {}


def expect(name, origin, task, **more):
    EXPECTED[name] = {"origin": origin, "task": task, **more}


def picture():
    return Image.new("RGB", (8, 8), (200, 120, 40))


def png(name, texts, compressed=False):
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        info.add_text(key, value, zip=compressed)
    picture().save(OUT / name, pnginfo=info)


def exif(text):
    comment = piexif.helper.UserComment.dump(text, encoding="unicode")
    return piexif.dump({"Exif": {piexif.ExifIFD.UserComment: comment}})


def with_exif(name, block):
    picture().save(OUT / name, quality=80)
    piexif.insert(block, str(OUT / name))


def a1111():
    text = ("a fox, <lora:Fur:0.7> (red:1.2)\nNegative prompt: dog, blurry\nSteps: 24, Sampler: DPM++ 2M, Schedule type: Karras, "
            "CFG scale: 6.5, Seed: 1234567890, Size: 512x640, Model hash: 6ce0161689, Model: dreamshaper_8, Clip skip: 2, "
            "Lora hashes: \"Fur: 0123456789ab\", RNG: CPU, Version: v1.10.1")
    task = {"positivePrompt": "a fox,  (red:1.2)", "negativePrompt": "dog, blurry", "steps": 24, "scheduler": "DPM++ 2M Karras",
            "CFGScale": 6.5, "seed": 1234567890, "width": 512, "height": 640, "clipSkip": 1, "promptWeighting": "sdEmbeds"}
    more = {"model": "dreamshaper_8", "loras": [["Fur", 0.7]], "version": "v1.10.1",
            "notes": ["Clip skip goes for the positive prompt alone here"]}
    png("a1111.png", {"parameters": text})
    with_exif("a1111.jpg", exif(text))
    with_exif("a1111.webp", exif(text))
    png("a1111_compressed.png", {"parameters": text}, compressed=True)
    for name in ["a1111.png", "a1111.jpg", "a1111.webp", "a1111_compressed.png"]:
        expect(name, "A1111", task, **more)

    unicode = text.replace("a fox", "лиса, 狐 🦊")
    task = {**task, "positivePrompt": "лиса, 狐 🦊,  (red:1.2)"}
    png("a1111_unicode.png", {"parameters": unicode})
    with_exif("a1111_unicode.jpg", exif(unicode))
    # The other byte order, as some tools write it.
    little = b"UNICODE\0" + unicode.encode("utf-16-le")
    with_exif("a1111_little.jpg", piexif.dump({"Exif": {piexif.ExifIFD.UserComment: little}}))
    for name in ["a1111_unicode.png", "a1111_unicode.jpg", "a1111_little.jpg"]:
        expect(name, "A1111", task, **more)

    hires = ("knight\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 5, Size: 512x512, Model: x, "
             "Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: Latent, Version: v1.9.0")
    png("a1111_hires.png", {"parameters": hires})
    expect("a1111_hires.png", "A1111", {"positivePrompt": "knight", "steps": 20, "scheduler": "Euler a", "CFGScale": 7, "seed": 5,
           "width": 512, "height": 512}, model="x", version="v1.9.0",
           notes=["Denoising strength: 0.4", "Hires upscale: 2", "Hires upscaler: Latent",
                  "RNG: GPU (noise is the CPU's here: another picture for this seed)"])

    forge = ("cat\nSteps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 9, "
             "Size: 896x1152, Model: flux1-dev-bnb-nf4, RNG: CPU, Denoising strength: 0.6, Version: f2.0.1v1.10.1-previous-634")
    png("forge.png", {"parameters": forge})
    expect("forge.png", "Forge", {"positivePrompt": "cat", "steps": 20, "scheduler": "Euler", "CFGScale": 1, "seed": 9,
           "width": 896, "height": 1152, "strength": 0.6}, model="flux1-dev-bnb-nf4", version="f2.0.1v1.10.1-previous-634",
           fromPicture=True,
           notes=["Distilled CFG Scale: 3.5", "Schedule: Simple (Euler has the model's own here)",
                  "it was made from another picture, which the file does not hold"])

    png("swarm.png", {"parameters": json.dumps({"sui_image_params": {"prompt": "a cat", "steps": 20}})})
    fooocus = {"prompt": "a cat, (hat:1.2), warm", "negative_prompt": "(bad:1.4), (art:1.2), x", "steps": 30, "sampler": "dpmpp_2m_sde_gpu"}
    png("fooocus.png", {"parameters": json.dumps(fooocus), "fooocus_scheme": "fooocus"})
    for name in ["swarm.png", "fooocus.png"]:
        expect(name, "unknown program", {"width": 8, "height": 8},
               notes=["its settings are written in a way that Latelier does not know",
                      "the size is that of the picture; its settings tell none"])


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}


# The graph of ComfyUI's first start, with other words.
BASIC = {
    "3": node("KSampler", seed=156680208700286, steps=20, cfg=8, sampler_name="euler", scheduler="normal", denoise=1,
              model=["4", 0], positive=["6", 0], negative=["7", 0], latent_image=["5", 0]),
    "4": node("CheckpointLoaderSimple", ckpt_name="v1-5-pruned-emaonly.safetensors"),
    "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
    "6": node("CLIPTextEncode", text="a bottle on a beach, sunset", clip=["4", 1]),
    "7": node("CLIPTextEncode", text="text, watermark", clip=["4", 1]),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
}
BASIC_TASK = {"positivePrompt": "a bottle on a beach, sunset", "negativePrompt": "text, watermark", "steps": 20,
              "scheduler": "Euler", "CFGScale": 8, "seed": 156680208700286, "width": 512, "height": 768}


def comfy():
    workflow = json.dumps({"last_node_id": 9, "nodes": [], "version": 0.4})
    png("comfy.png", {"prompt": json.dumps(BASIC), "workflow": workflow})
    image = picture()
    tags = image.getexif()
    tags[0x0110] = "prompt:" + json.dumps(BASIC)
    tags[0x010f] = "workflow:" + workflow
    image.save(OUT / "comfy.webp", exif=tags, quality=80)
    for name in ["comfy.png", "comfy.webp"]:
        expect(name, "ComfyUI", BASIC_TASK, model="v1-5-pruned-emaonly.safetensors")

    # LoRAs, clip skip, a ControlNet that gives both prompts out, a second pass, NaN as Python writes it.
    rich = {
        **BASIC,
        "3": node("KSampler", seed=["30", 0], steps=25, cfg=6.5, sampler_name="dpmpp_2m", scheduler="karras", denoise=1,
                  model=["11", 0], positive=["12", 0], negative=["12", 1], latent_image=["5", 0]),
        "5": node("EmptyLatentImage", width=512, height=512, batch_size=4),
        "6": node("CLIPTextEncode", text=["31", 0], clip=["13", 0]),
        "7": node("CLIPTextEncode", text="(bad:1.3)", clip=["13", 0]),
        "10": node("LoraLoader", lora_name="sub/film.safetensors", strength_model=0.8, strength_clip=0.5, model=["4", 0], clip=["4", 1]),
        "11": node("LoraLoaderModelOnly", lora_name="detail.safetensors", strength_model=-0.25, model=["10", 0]),
        "12": node("ControlNetApplyAdvanced", strength=1.0, start_percent=0, end_percent=float("nan"), positive=["6", 0],
                   negative=["7", 0], control_net=["14", 0], image=["15", 0]),
        "13": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["10", 1]),
        "14": node("ControlNetLoader", control_net_name="canny.safetensors"),
        "15": node("LoadImage", image="edges.png"),
        "16": node("LatentUpscale", samples=["3", 0], width=1024, height=1024),
        "17": node("KSampler", seed=7, steps=10, cfg=8, sampler_name="euler", scheduler="normal", denoise=0.5,
                   model=["11", 0], positive=["6", 0], negative=["7", 0], latent_image=["16", 0]),
        "8": node("VAEDecode", samples=["17", 0], vae=["18", 0]),
        "18": node("VAELoader", vae_name="vae-ft-mse-840000.safetensors"),
        "30": node("PrimitiveInt", value=42),
        "31": node("PrimitiveStringMultiline", value="a house\non a hill"),
    }
    png("comfy_rich.png", {"prompt": json.dumps(rich)})
    expect("comfy_rich.png", "ComfyUI", {
        "positivePrompt": "a house\non a hill", "negativePrompt": "(bad:1.3)", "steps": 25, "scheduler": "DPM++ 2M Karras",
        "CFGScale": 6.5, "seed": 42, "width": 512, "height": 512, "clipSkip": 1, "promptWeighting": "sdEmbeds",
    }, model="v1-5-pruned-emaonly.safetensors", loras=[["detail.safetensors", -0.25], ["sub/film.safetensors", 0.8]], notes=[
        "VAE: vae-ft-mse-840000.safetensors", "node 17 (KSampler) samples as well", "node ControlNetApplyAdvanced is not understood",
        "node ControlNetLoader is not understood", "node LatentUpscale is not understood",
        "one of a batch: the seed alone makes only the first of them", "sub/film.safetensors: strength_clip 0.5",
        "emphasis in the prompts weighs somewhat differently here",
    ])

    # SDXL, the sampler in parts, a node nobody knows between prompt and guider.
    parts = {
        "1": node("SamplerCustomAdvanced", noise=["2", 0], guider=["3", 0], sampler=["4", 0], sigmas=["5", 0], latent_image=["6", 0]),
        "2": node("RandomNoise", noise_seed=99),
        "3": node("CFGGuider", cfg=4.5, model=["7", 0], positive=["10", 0], negative=["9", 0]),
        "4": node("KSamplerSelect", sampler_name="euler_ancestral"),
        "5": node("BasicScheduler", scheduler="simple", steps=12, denoise=1.0, model=["7", 0]),
        "6": node("EmptyLatentImage", width=1024, height=832, batch_size=1),
        "7": node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors"),
        "8": node("CLIPTextEncodeSDXL", width=1024, height=1024, crop_w=0, crop_h=0, target_width=1024, target_height=1024,
                  text_g="a lighthouse", text_l="storm", clip=["7", 1]),
        "9": node("ConditioningZeroOut", conditioning=["8", 0]),
        "10": node("SomebodysNode", conditioning=["8", 0], strength=0.3),
        "11": node("VAEDecode", samples=["1", 0], vae=["7", 2]),
        "12": node("PreviewImage", images=["11", 0]),
    }
    png("comfy_parts.png", {"prompt": json.dumps(parts)})
    expect("comfy_parts.png", "ComfyUI", {
        "positivePrompt": "a lighthouse", "steps": 12, "scheduler": "Euler a", "CFGScale": 4.5, "seed": 99, "width": 1024, "height": 832,
    }, model="sd_xl_base_1.0.safetensors", notes=[
        "text_l: storm", "node SomebodysNode is not understood", "Schedule: Simple (Euler a has the model's own here)",
    ])

    image_to_image = {
        **BASIC, "3": {**BASIC["3"], "inputs": {**BASIC["3"]["inputs"], "denoise": 0.6, "latent_image": ["5", 0], "seed": 0}},
        "5": node("VAEEncode", pixels=["10", 0], vae=["4", 2]), "10": node("LoadImage", image="start.png"),
    }
    png("comfy_image.png", {"prompt": json.dumps(image_to_image)})
    # ComfyUI takes the last 20 steps of a schedule of int(20 / 0.6) (comfy/samplers.py, set_steps).
    task = {**BASIC_TASK, "strength": 0.6, "width": 8, "height": 8, "steps": 33}
    del task["seed"]
    expect("comfy_image.png", "ComfyUI", task, model="v1-5-pruned-emaonly.safetensors", fromPicture=True, notes=[
        "Seed: 0 (seeds here go from 1 to 2⁶³ − 1)", "it was made from another picture, which the file does not hold",
        "the size is that of the picture; its settings tell none",
    ])

    # Every link leads in a circle.
    circle = {str(at): node("KSampler", seed=5, positive=[str((at + 1) % 9), 0], negative=[str((at + 2) % 9), 0],
                            latent_image=[str((at + 4) % 9), 0], model=[str((at + 7) % 9), 0], cfg=[str((at + 3) % 9), 0]) for at in range(9)}
    png("comfy_circle.png", {"prompt": json.dumps(circle)})
    expect("comfy_circle.png", "ComfyUI", {"positivePrompt": "__BLANK__", "seed": 5, "width": 8, "height": 8}, anyNotes=True)


def invoke():
    metadata = {
        "generation_mode": "txt2img", "positive_prompt": "a (bowl)1.2 of plums", "negative_prompt": "spoon", "width": 576, "height": 512,
        "seed": 2130707, "rand_device": "cpu", "cfg_scale": 7.5, "cfg_rescale_multiplier": 0, "steps": 30, "scheduler": "dpmpp_2m_k",
        "seamless_x": False, "seamless_y": False, "clip_skip": 1,
        "model": {"key": "7ab1", "hash": "blake3:00", "name": "Deliberate v5", "base": "sd-1", "type": "main"},
        "loras": [{"model": {"key": "1", "hash": "blake3:01", "name": "Ink", "base": "sd-1", "type": "lora"}, "weight": 0.75}],
        "vae": {"key": "2", "name": "sd-vae-ft-mse"}, "app_version": "6.14.2",
    }
    png("invoke.png", {"invokeai_metadata": json.dumps(metadata), "invokeai_graph": "{}"})
    task = {"positivePrompt": "a (bowl)1.2 of plums", "negativePrompt": "spoon", "steps": 30, "scheduler": "DPM++ 2M Karras",
            "CFGScale": 7.5, "seed": 2130707, "width": 576, "height": 512, "clipSkip": 1, "promptWeighting": "compel"}
    expect("invoke.png", "InvokeAI", task, model="Deliberate v5", loras=[["Ink", 0.75]], version="6.14.2",
           notes=['vae: {"key":"2","name":"sd-vae-ft-mse"}'])

    three = {
        "app_version": "3.4.0", "generation_mode": "img2img", "positive_prompt": "a barn", "negative_prompt": "", "width": 512, "height": 512,
        "seed": 8, "rand_device": "cuda", "cfg_scale": 5, "steps": 11, "scheduler": "euler_a", "clip_skip": 0, "strength": 0.4,
        "init_image": "start.png", "model": {"model_name": "stable-diffusion-v1-5", "base_model": "sd-1", "model_type": "main"},
        "loras": [{"lora": {"model_name": "Ink", "base_model": "sd-1"}, "weight": 1}], "controlnets": [],
    }
    png("invoke_3.png", {"invokeai_metadata": json.dumps(three)})
    expect("invoke_3.png", "InvokeAI", {"positivePrompt": "a barn", "steps": 11, "scheduler": "Euler a", "CFGScale": 5, "seed": 8,
           "width": 512, "height": 512, "strength": 0.4}, model="stable-diffusion-v1-5", loras=[["Ink", 1]], version="3.4.0",
           fromPicture=True, notes=["rand_device: cuda", "it was made from another picture, which the file does not hold"])

    old = {
        "model": "stable diffusion", "model_weights": "stable-diffusion-1.5", "model_hash": "cc6c", "app_id": "invoke-ai/InvokeAI",
        "app_version": "2.3.5", "image": {
            "prompt": [{"prompt": "a harbour [boats, people] at dawn", "weight": 1.0}], "steps": 50, "cfg_scale": 7.5, "threshold": 0,
            "perlin": 0, "height": 512, "width": 640, "seed": 4242, "seamless": False, "hires_fix": True, "type": "txt2img",
            "postprocessing": None, "sampler": "k_lms", "variations": [],
        },
    }
    dream = '"a harbour [boats, people] at dawn" -s 50 -S 4242 -W 640 -H 512 -C 7.5 -A k_lms'
    task = {"positivePrompt": "a harbour  at dawn", "negativePrompt": "boats, people", "steps": 50, "scheduler": "LMS", "CFGScale": 7.5,
            "seed": 4242, "width": 640, "height": 512}
    png("invoke_2.png", {"Dream": dream, "sd-metadata": json.dumps(old)})
    expect("invoke_2.png", "InvokeAI", task, model="stable-diffusion-1.5", version="2.3.5", notes=["hires_fix: true"])
    png("invoke_1.png", {"Dream": dream + " -G0.8"})
    expect("invoke_1.png", "InvokeAI", task, notes=["-G 0.8"])


def main():
    OUT.mkdir(exist_ok=True)
    a1111()
    comfy()
    invoke()
    png("nothing.png", {"Software": "a camera"})
    picture().save(OUT / "nothing.jpg", exif=piexif.dump({"0th": {piexif.ImageIFD.Make: b"Maker", piexif.ImageIFD.Model: b"Camera 1"}}))
    EXPECTED["nothing.png"] = EXPECTED["nothing.jpg"] = None
    (HERE / "carried.json").write_text(json.dumps(EXPECTED, ensure_ascii=False, indent=1) + "\n")
    texts = ["a", "ä, 狐 🦊\nSteps: 3", "x" * 300]
    blocks = [{"text": text, "block": exif(text).hex()} for text in texts]
    (HERE / "piexif.json").write_text(json.dumps(blocks, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
