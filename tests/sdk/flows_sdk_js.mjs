// The flows with the package @runware/sdk-js: its WebSocket client.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { Runware } from "@runware/sdk-js";

import { dataUri, png, run } from "./common.mjs";

const [urls, key, folder] = process.argv.slice(2);
const [sockets] = urls.split(" ");

async function saved(name, images) {
  const files = [];
  for (const [at, image] of images.entries()) {
    const answer = await fetch(image.imageURL);
    const file = `${name}-${at}.png`;
    writeFileSync(join(folder, file), Buffer.from(await answer.arrayBuffer()));
    files.push(file);
  }
  return files;
}

const request = (more) => ({
  model: "local:demo@1", positivePrompt: "a red apple", width: 128, height: 128, steps: 2, seed: 7,
  outputType: "URL", outputFormat: "PNG", ...more,
});

const client = await Runware.initialize({ apiKey: key, url: sockets, globalMaxRetries: 0 });

const upload = async (colour) => {
  const result = await client.imageUpload({ image: dataUri(png(colour)) });
  return (Array.isArray(result) ? result[0] : result).imageUUID;
};

const flows = {
  "text-to-image": async () => ({ files: await saved("text", await client.imageInference(request())) }),
  "image-to-image": async () => {
    const seedImage = dataUri(png([200, 60, 20]));
    return { files: await saved("image", await client.imageInference(request({ seedImage, strength: 0.6 }))) };
  },
  "inpaint with upload": async () => {
    const [seedImage, maskImage] = [await upload([200, 60, 20]), await upload([255, 255, 255])];
    const images = await client.imageInference(request({ seedImage, maskImage, strength: 0.9 }));
    return { files: await saved("inpaint", images), note: "imageUpload" };
  },
  "several results": async () => {
    const images = await client.imageInference(request({ numberResults: 3 }));
    const seeds = images.map((image) => image.seed).sort();
    if (`${seeds}` !== "7,8,9") throw new Error(`seeds ${seeds}`);
    return { files: await saved("several", images) };
  },
  "invalid parameter": async () => {
    try {
      await client.imageInference(request({ steps: 1000 }));
    } catch (error) {
      const told = JSON.stringify(error.error ?? error) + error.message;
      if (!told.includes("invalidSteps")) throw new Error(told);
      return { note: "invalidSteps" };
    }
    throw new Error("it was accepted");
  },
};

await run(flows);
