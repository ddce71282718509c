// What the flows of both JavaScript packages share: tiny pictures and reports.
import { deflateSync } from "node:zlib";

/** The checksum of PNG chunks (PNG specification, annex D), bit by bit; older Node has none. */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** The bytes of a square PNG file of one colour. */
export function png(colour, size = 128) {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const head = Buffer.alloc(4);
    const tail = Buffer.alloc(4);
    head.writeUInt32BE(data.length);
    tail.writeUInt32BE(crc32(body));
    return Buffer.concat([head, body, tail]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), ...Array(size).fill(Buffer.from(colour))]);
  const pixels = deflateSync(Buffer.concat(Array(size).fill(row)));
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const end = chunk("IEND", Buffer.alloc(0));
  return Buffer.concat([start, chunk("IHDR", header), chunk("IDAT", pixels), end]);
}

/** The same bytes as a data URI. */
export const dataUri = (bytes) => `data:image/png;base64,${bytes.toString("base64")}`;

/** Runs every flow and reports it, whatever happens. */
export async function run(flows) {
  for (const [flow, steps] of Object.entries(flows)) {
    try {
      console.log(JSON.stringify({ flow, ...(await steps()) }));
    } catch (error) {
      console.log(JSON.stringify({ flow, error: `${error?.message ?? JSON.stringify(error)}` }));
    }
  }
  process.exit(0);
}
