import UPNG from "upng-js";
import { toPicture } from "./raster.ts";
import { type Logo, logoBytesMax } from "./style.ts";

/** Longer side of a stored logo, in pixels: the larger one, or the other if only that fits in all colours. */
const sidesPx = [512, 384] as const;
/** Maximum size of a stored logo, in bytes. With a palette a pixel is one byte, so 512 x 512 always fit. */
export const logoPngBytesMax = 260 * 1024;
const paletteColours = 256;
/** SVG elements that may take very long to draw, or that refer to other files. */
const costlyPattern =
  /<(?:[\w-]+:)?(?:filter|use|image|feImage|pattern|mask|clipPath|marker|foreignObject|style|text|script)\b|<!(?:DOCTYPE|ENTITY)|url\s*\(\s*['"]?(?!#)/i;
/** Maximum number of pixels of an uploaded picture, since a small file can unpack to very many. */
const pixelsMax = 4_096 * 4_096;

interface Sent {
  type: "image/png" | "image/jpeg" | "image/svg+xml";
  /** Size in pixels; for SVG in its own units. */
  width: number;
  height: number;
}

/**
 * Converts an uploaded PNG, JPEG or SVG to a logo. Draws it anew, so that only pixels remain: no script, no
 * external reference, no metadata. Never enlarges pixels. Returns what to change if the file is rejected, which
 * depends on the file alone, never on the resulting logo.
 */
export async function normaliseLogo(bytes: Uint8Array): Promise<Logo | { issue: string }> {
  const file = Buffer.from(bytes);
  const sent = sizeOf(file);
  if (sent === undefined) return { issue: "is no PNG, JPEG or SVG; convert it to one of these" };
  const issue = issueOf(file, sent);
  if (issue) return { issue };
  const unseen = "shows nothing: it is damaged, or wholly transparent; open it in an image editor and save it as a PNG";
  return (await draw(file, sent)) ?? { issue: unseen };
}

/** Returns the error of a file that can be found before it is unpacked. */
function issueOf(file: Buffer, { type, width, height }: Sent): string | undefined {
  const count = (value: number) => value.toLocaleString("en");
  const size = `${count(width)} x ${count(height)} pixels`;
  if (file.length > logoBytesMax) {
    const [sent, max] = [Math.ceil(file.length / 1024), logoBytesMax / 1024];
    return `has ${count(sent)} KiB; make it at most ${max} KiB: scale it down to ${sidesPx[0]} pixels`;
  }
  if (type === "image/svg+xml" && costlyPattern.test(file.toString("utf8")))
    return "must not use filters, patterns, masks, styles, text, references or entities; export it as plain paths";
  if (width < 1 || height < 1) return `has ${size}; make it at least 1 x 1`;
  if (width * height > pixelsMax) return `has ${size}; scale it down to at most 4,096 x 4,096`;
  if (Math.max(width, height) > 4 * Math.min(width, height))
    return `has ${size}, more than four times as long as wide; crop it, or give it a wider border`;
  return undefined;
}

/**
 * Draws a file in all its colours, at the largest side that fits; else at the larger side with a palette, which always
 * fits. Returns undefined if nothing is visible.
 */
async function draw(file: Buffer, { type, width, height }: Sent): Promise<Logo | undefined> {
  const href = `data:${type};base64,${file.toString("base64")}`;
  const longer = Math.max(width, height);
  let largest: Logo | undefined;
  for (const sidePx of sidesPx) {
    const scale = type === "image/svg+xml" ? sidePx / longer : Math.min(1, sidePx / longer);
    const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    const svg =
      `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}">` +
      `<image width="${w}" height="${h}" preserveAspectRatio="none" href="${href}"/></svg>`;
    // resvg throws for a file that it cannot parse, and draws nothing for one that it cannot decode.
    const png = await toPicture(svg).catch(() => undefined);
    if (!png) return undefined;
    const drawing = { png, width: w, height: h };
    if (png.length <= logoPngBytesMax) return drawing;
    largest ??= drawing;
  }
  return largest && withPalette(largest);
}

/** Reduces the colours of a logo to the best 256. */
function withPalette({ png, width, height }: Logo): Logo {
  const pixels = UPNG.toRGBA8(UPNG.decode(png.slice().buffer));
  return { png: new Uint8Array(UPNG.encode(pixels, width, height, paletteColours)), width, height };
}

/** Returns the type and size of a picture; undefined if its type is not supported. */
function sizeOf(bytes: Buffer): Sent | undefined {
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

/** Returns the size in a JPEG's frame header: ITU-T T.81, B.2.2. */
function jpegSize(bytes: Buffer): { width: number; height: number } | undefined {
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes.readUInt8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
