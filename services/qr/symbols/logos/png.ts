import { crc32 } from "node:zlib";
import { LogoError } from "./logo-error.ts";
import { checkSize, cutOff, damaged, type RasterFile } from "./raster-file.ts";

export const pngSignature = Buffer.from("89504e470d0a1a0a", "hex");

interface Chunk {
  type: string;
  content: Buffer;
  /** The chunk with its length, type and checksum. */
  bytes: Buffer;
}

/** Chunks that the picture is made of: https://www.w3.org/TR/png-3/#4Concepts.FormatChunks */
const kept = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

/** Reads a PNG as its first picture alone: no metadata, no colour profile, no animation, nothing after its end. */
export function readPng(file: Buffer): RasterFile {
  const chunks: Chunk[] = [];
  for (const chunk of chunksOf(file)) if (kept.has(chunk.type)) chunks.push(chunk);
  const [header] = chunks;
  if (header?.type !== "IHDR" || header.content.length !== 13) throw new LogoError(damaged);
  if (chunks.filter(({ type }) => type === "IHDR").length > 1) throw new LogoError(damaged);
  const size = { width: header.content.readUInt32BE(0), height: header.content.readUInt32BE(4) };
  checkSize(size);
  for (const { bytes } of chunks) {
    if (crc32(bytes.subarray(4, -4)) !== bytes.readUInt32BE(bytes.length - 4)) throw new LogoError(damaged);
  }
  const bytes = Buffer.concat([pngSignature, ...chunks.map((chunk) => chunk.bytes)]);
  return { type: "image/png", bytes, ...size, orientation: 1 };
}

function* chunksOf(file: Buffer): Generator<Chunk> {
  for (let at = pngSignature.length; ; ) {
    if (at + 12 > file.length) throw new LogoError(cutOff);
    const end = at + 12 + file.readUInt32BE(at);
    if (end > file.length) throw new LogoError(cutOff);
    const type = file.toString("latin1", at + 4, at + 8);
    yield { type, content: file.subarray(at + 8, end - 4), bytes: file.subarray(at, end) };
    if (type === "IEND") return;
    at = end;
  }
}
