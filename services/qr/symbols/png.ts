import { crc32 } from "node:zlib";
import { zlibSync } from "fflate";
import type { Drawing } from "./geometry.ts";
import { type Raster, toPng, toRaster } from "./raster.ts";
import { toGridSvg } from "./svg.ts";

const paletteMax = 256;
/** Resolution that the file names for print: 300 dots an inch, in pixels per metre. */
const pixelsPerMetre = Math.round(300 / 0.0254);
const signature = Buffer.from("89504e470d0a1a0a", "hex");
/** Length of the signature and of IHDR, after which pHYs may stand. */
const headBytes = signature.length + 25;

/**
 * Returns a drawing as PNG of the given width, with whole pixels for each module. Up to 256 colours are a palette: one bit a
 * pixel for two. The bytes are the same on every machine.
 */
export async function toSymbolPng(drawing: Drawing, widthPx: number): Promise<Uint8Array> {
  const svg = toGridSvg(drawing, widthPx);
  const png = encodePalette(await toRaster(svg, widthPx)) ?? (await toPng(svg, widthPx));
  return Buffer.concat([png.subarray(0, headBytes), resolution(), png.subarray(headBytes)]);
}

/** Returns an opaque picture as PNG with a palette, https://www.w3.org/TR/png-3/; undefined if it has too many colours. */
function encodePalette({ pixels, width, height }: Raster): Buffer | undefined {
  const colours = new Uint32Array(pixels.buffer, pixels.byteOffset, width * height);
  const places = new Map<number, number>();
  const indexes = new Uint8Array(colours.length);
  let [last, place] = [-1, 0];
  for (let at = 0; at < colours.length; at++) {
    const colour = colours[at] ?? 0;
    if (colour !== last) {
      last = colour;
      place = places.get(colour) ?? places.size;
      if (place === paletteMax) return undefined;
      places.set(colour, place);
    }
    indexes[at] = place;
  }
  const bits = [1, 2, 4, 8].find((depth) => places.size <= 2 ** depth) ?? 8;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, 3], 8);
  const palette = Buffer.concat([...places.keys()].map((colour) => Buffer.from(Uint32Array.of(colour).buffer, 0, 3)));
  // zlib's output differs between versions of Node; this library's does not.
  const data = zlibSync(pack(indexes, width, height, bits), { level: 6 });
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("PLTE", palette),
    chunk("IDAT", data),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Returns rows of indexes with `bits` each, every row after a byte that names no filter. */
function pack(indexes: Uint8Array, width: number, height: number, bits: number): Uint8Array {
  const perByte = 8 / bits;
  const rowBytes = 1 + Math.ceil(width / perByte);
  const packed = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const shift = 8 - bits * ((x % perByte) + 1);
      const at = y * rowBytes + 1 + Math.floor(x / perByte);
      packed[at] = (packed[at] ?? 0) | ((indexes[y * width + x] ?? 0) << shift);
    }
  }
  return packed;
}

function resolution(): Buffer {
  const data = Buffer.alloc(9);
  data.writeUInt32BE(pixelsPerMetre, 0);
  data.writeUInt32BE(pixelsPerMetre, 4);
  data.writeUInt8(1, 8);
  return chunk("pHYs", data);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, checksum]);
}
