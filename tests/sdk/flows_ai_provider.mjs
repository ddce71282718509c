// The flows with the package @runware/ai-sdk-provider: text to image, and what its options let through.
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { createRunware } from "@runware/ai-sdk-provider";

import { dataUri, png, run } from "./common.mjs";

const [urls, key, folder] = process.argv.slice(2);
const [, rest] = urls.split(" ");

const provider = createRunware({ apiKey: key, baseURL: rest });

/** Pictures by the provider; its options are passed on as they are. */
async function images(options, n = 1) {
  const result = await provider.image("local:demo@1").doGenerate({
    prompt: "a red apple", n, size: "128x128", seed: 7, aspectRatio: undefined, headers: {},
    providerOptions: { runware: { steps: 2, ...options } },
  });
  return result.images;
}

function saved(name, pictures) {
  return pictures.map((picture, at) => {
    const bytes = typeof picture === "string" ? Buffer.from(picture, "base64") : Buffer.from(picture);
    const file = `${name}-${at}.png`;
    writeFileSync(join(folder, file), bytes);
    return file;
  });
}

/** The provider uploads nothing: a request of our own does. */
async function upload(colour) {
  const task = { taskType: "imageUpload", taskUUID: randomUUID(), image: dataUri(png(colour)) };
  const answer = await fetch(rest, {
    method: "POST", body: JSON.stringify([task]),
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
  });
  return (await answer.json()).data[0].imageUUID;
}

const flows = {
  "text-to-image": async () => ({ files: saved("text", await images({})) }),
  "image-to-image": async () => {
    const seedImage = dataUri(png([200, 60, 20]));
    return { files: saved("image", await images({ seedImage, strength: 0.6 })), note: "providerOptions" };
  },
  "inpaint with upload": async () => {
    const [seedImage, maskImage] = [await upload([200, 60, 20]), await upload([255, 255, 255])];
    const pictures = await images({ seedImage, maskImage, strength: 0.9 });
    return { files: saved("inpaint", pictures), note: "providerOptions; the upload is a request of our own" };
  },
  "several results": async () => {
    const pictures = await images({}, 3);
    if (pictures.length !== 3) throw new Error(`${pictures.length} pictures`);
    return { files: saved("several", pictures) };
  },
  "invalid parameter": async () => {
    try {
      await images({ steps: 1000 });
    } catch (error) {
      // The package looks for `error` where the API says `errors`, and says no more than that it found none.
      if (!/Runware API error|steps/.test(error.message)) throw error;
      return { note: `${error.message}`.slice(0, 80) };
    }
    throw new Error("it was accepted");
  },
};

await run(flows);
