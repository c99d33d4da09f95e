import { toPicture } from "./raster.ts";
import type { Logo } from "./style.ts";

/** The longer side of a logo as it is kept, in pixels. */
const sidePx = 512;
/** Bytes of a logo as it is kept. */
const pngBytesMax = 256 * 1024;
/** Parts of SVG whose drawing may take very long for a small file, or that lead out of it. */
const costlyPattern =
  /<(?:[\w-]+:)?(?:filter|use|image|feImage|pattern|mask|clipPath|marker|foreignObject|style|text|script)\b|<!(?:DOCTYPE|ENTITY)|url\s*\(\s*['"]?(?!#)/i;
/** Beyond this a picture is not looked at: a small file can unpack to very many pixels. */
const pixelsMax = 4_096 * 4_096;

/**
 * Makes a picture of what was uploaded, PNG, JPEG or SVG: it is drawn anew, so nothing but its pixels is left, no script, no
 * reference to anywhere else, no metadata.
 */
export async function normaliseLogo(bytes: Uint8Array): Promise<Logo | { issue: string }> {
  const size = sizeOf(Buffer.from(bytes));
  if (size === undefined) return { issue: "must be a PNG, JPEG or SVG picture" };
  const { type, width, height } = size;
  if (type === "image/svg+xml" && costlyPattern.test(Buffer.from(bytes).toString("utf8"))) {
    return {
      issue: "must not use filters, patterns, masks, styles, text, references or entities; export it as plain paths",
    };
  }
  if (width < 1 || height < 1 || width * height > pixelsMax) return { issue: "must have 1 to 4,096 x 4,096 pixels" };
  if (Math.max(width, height) > 4 * Math.min(width, height))
    return { issue: "must not be over four times as long as wide" };
  const scale = sidePx / Math.max(width, height);
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const data = Buffer.from(bytes).toString("base64");
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}">` +
    `<image width="${w}" height="${h}" preserveAspectRatio="none" href="data:${type};base64,${data}"/></svg>`;
  try {
    const png = await toPicture(svg);
    if (!png) return { issue: "is a picture that cannot be read, or is empty" };
    if (png.length > pngBytesMax) return { issue: "has too much detail; take a simpler or smaller picture" };
    return { png, width: w, height: h };
  } catch {
    return { issue: "is a picture that cannot be read" };
  }
}

/** What kind of picture it is, and its size in pixels (or units, for SVG); undefined if it is none. */
function sizeOf(bytes: Buffer): { type: string; width: number; height: number } | undefined {
  if (bytes.subarray(0, 8).equals(Buffer.from("89504e470d0a1a0a", "hex")) && bytes.length >= 24) {
    return { type: "image/png", width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  }
  if (bytes.subarray(0, 3).equals(Buffer.from("ffd8ff", "hex"))) {
    const size = jpegSize(bytes);
    return size && { type: "image/jpeg", ...size };
  }
  const head = bytes.subarray(0, 4_096).toString("utf8");
  const tag = /<svg\b[^>]*>/i.exec(head)?.[0];
  if (!tag) return undefined;
  const number = (name: string) =>
    Number.parseFloat(new RegExp(`\\s${name}\\s*=\\s*["']([0-9.]+)`, "i").exec(tag)?.[1] ?? "");
  const box = /\sviewBox\s*=\s*["']\s*([-0-9.eE]+)[\s,]+([-0-9.eE]+)[\s,]+([0-9.eE]+)[\s,]+([0-9.eE]+)/.exec(tag);
  const width = number("width") || Number(box?.[3]) || 100;
  const height = number("height") || Number(box?.[4]) || 100;
  return { type: "image/svg+xml", width, height };
}

/** The size in a JPEG's frame header: ITU-T T.81, B.2.2. */
function jpegSize(bytes: Buffer): { width: number; height: number } | undefined {
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1] as number;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
