"""The flows with the package `runware-sdk`, over either of its transports."""

import asyncio
import sys

from runware import Runware

import common

_, transport, sockets, rest, key, folder = [*sys.argv[:2], *sys.argv[2].split(), *sys.argv[3:]]


def request(**more):
    return {
        "taskType": "imageInference", "model": "local:demo@1", "positivePrompt": "a red apple",
        "width": 128, "height": 128, "steps": 2, "seed": 7, "outputType": "URL", "outputFormat": "PNG",
        **more,
    }


async def main():
    addresses = {"ws_base_url": sockets, "http_base_url": rest}
    async with Runware(api_key=key, transport=transport, **addresses) as client:

        def saved(name, images):
            return [common.save(folder, f"{name}-{at}.png", it["imageURL"]) for at, it in enumerate(images)]

        async def upload(colour):
            image = common.data_uri(common.png(colour))
            [result] = await client.image_upload({"image": image})
            return result["imageUUID"]

        async def text():
            return {"files": saved("text", await client.run(request()))}

        async def image():
            seed = common.data_uri(common.png((200, 60, 20)))
            images = await client.run(request(inputs={"seedImage": seed}, strength=0.6))
            return {"files": saved("image", images), "note": "inputs.seedImage"}

        async def inpaint():
            seed, mask = await upload((200, 60, 20)), await upload((255, 255, 255))
            images = await client.run(request(seedImage=seed, maskImage=mask, strength=0.9))
            return {"files": saved("inpaint", images), "note": "image_upload"}

        async def several():
            images = await client.run(request(numberResults=3))
            seeds = sorted(image["seed"] for image in images)
            assert seeds == [7, 8, 9], seeds
            return {"files": saved("several", images)}

        async def invalid():
            try:
                await client.run(request(steps=1000))
            except Exception as error:  # noqa: BLE001 - its error type is looked at below
                told = (getattr(error, "code", None), getattr(error, "parameter", None))
                assert told == ("validation", "steps"), (told, error)
                return {"note": f"{type(error).__name__} {told}"}
            raise AssertionError("it was accepted")

        flows = [("text-to-image", text), ("image-to-image", image), ("inpaint with upload", inpaint),
                 ("several results", several), ("invalid parameter", invalid)]
        for flow, steps in flows:
            await common.run(flow, steps)


asyncio.run(main())
