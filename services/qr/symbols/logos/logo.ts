import UPNG from "upng-js";
import { limits } from "../../../../contracts/limits.ts";
import { toPicture } from "../raster.ts";
import type { Logo } from "../style.ts";
import { LogoError, quote } from "./logo-error.ts";
import type { RasterFile } from "./raster-file.ts";
import { readRasterFile } from "./read-raster.ts";
import { embeddedPixelsMax } from "./svg-cost.ts";
import { decodeSvg, parseSvg } from "./svg-document.ts";
import { type ReadEmbedded, sanitiseSvg } from "./svg-sanitise.ts";

/** Longer side of a stored logo, in pixels: the larger one, or the other if only that fits in all colours. */
const sidesPx = [512, 384] as const;
/** Maximum size of a stored logo, in bytes. With a palette a pixel is one byte, so 512 x 512 always fit. */
export const logoPngBytesMax = 260 * 1024;
const paletteColours = 256;
const unseen = "shows nothing: it is damaged, or wholly transparent; open it in an image editor and save it as a PNG";

/** A picture that was read and found harmless. */
interface Picture {
  /** Size that it asks for, in pixels. */
  width: number;
  height: number;
  /** Whether it may be drawn larger than it is. */
  isScalable: boolean;
  /** Returns it as an SVG of a size in pixels, in which nothing is left that was not looked at. */
  toSvg(width: number, height: number): string;
}

/**
 * Converts an uploaded PNG, JPEG or SVG to a logo. Draws it anew, from what was looked at alone, so that only pixels remain:
 * no script, no external reference, no metadata. Never enlarges pixels. Returns what to change if the file is rejected, which
 * depends on the file alone, never on the resulting logo.
 */
export async function normaliseLogo(bytes: Uint8Array): Promise<Logo | { issue: string }> {
  try {
    return await draw(readPicture(Buffer.from(bytes)));
  } catch (error) {
    if (!(error instanceof LogoError)) throw error;
    return { issue: error.message };
  }
}

/** Reads a file of a supported type. Throws LogoError if it cannot be a logo. */
export function readPicture(file: Buffer): Picture {
  if (file.length > limits.logoBytesMax) {
    const [sent, max] = [Math.ceil(file.length / 1024), limits.logoBytesMax / 1024];
    throw new LogoError(
      `has ${sent.toLocaleString("en")} KiB; make it at most ${max.toLocaleString("en")} KiB: scale it down to ${sidesPx[0]} pixels`,
    );
  }
  const raster = readRasterFile(file);
  const picture = raster ? fromRaster(raster) : fromSvg(file);
  const { width, height } = picture;
  const size = `${format(width)} x ${format(height)} pixels`;
  if (!(width > 0 && height > 0)) throw new LogoError(`has ${size}; make it at least 1 x 1`);
  if (Math.max(width, height) > 4 * Math.min(width, height))
    throw new LogoError(`has ${size}, more than four times as long as wide; crop it, or give it a wider border`);
  return picture;
}

const format = (value: number) => value.toLocaleString("en", { maximumSignificantDigits: 6 });

/** How a picture is turned, by its orientation of 1 to 8 in EXIF, as a matrix for a size after turning. */
const turns: ((width: number, height: number) => string)[] = [
  () => "1 0 0 1 0 0",
  (width) => `-1 0 0 1 ${width} 0`,
  (width, height) => `-1 0 0 -1 ${width} ${height}`,
  (_, height) => `1 0 0 -1 0 ${height}`,
  () => "0 1 1 0 0 0",
  (width) => `0 1 -1 0 ${width} 0`,
  (width, height) => `0 -1 -1 0 ${width} ${height}`,
  (_, height) => `0 -1 1 0 0 ${height}`,
];

function fromRaster(raster: RasterFile): Picture {
  const isTurned = raster.orientation >= 5;
  const turn = turns[raster.orientation - 1];
  return {
    width: isTurned ? raster.height : raster.width,
    height: isTurned ? raster.width : raster.height,
    isScalable: false,
    toSvg: (width, height) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
      `<image width="${isTurned ? height : width}" height="${isTurned ? width : height}" preserveAspectRatio="none" ` +
      `transform="matrix(${turn?.(width, height)})" href="${toDataUrl(raster)}"/></svg>`,
  };
}

function fromSvg(file: Buffer): Picture {
  const text = decodeSvg(file);
  if (text === undefined) throw new LogoError(otherTypeIssue(file));
  const { width, height, serialise } = sanitiseSvg(parseSvg(text), createEmbeddedReader());
  return { width, height, isScalable: true, toSvg: serialise };
}

/** First bytes, in hexadecimal, of files that are mistaken for logos, and what to do with them. */
const otherTypes: [RegExp, string][] = [
  [/^1f8b/, "is compressed (SVGZ or gzip); send it as plain SVG"],
  [/^52494646.{8}57454250/, "is a WebP; convert it to a PNG, JPEG or SVG"],
  [/^47494638/, "is a GIF; convert it to a PNG, JPEG or SVG"],
  [/^25504446/, "is a PDF; convert it to a PNG, JPEG or SVG"],
  [
    /^.{8}66747970(?:61766966|61766973|68656963|68656978|6d696631)/,
    "is an AVIF or HEIC; convert it to a PNG, JPEG or SVG",
  ],
  [/^(?:fffe|feff|3c00|003c)/, "is in UTF-16; save it as UTF-8"],
  [/^(?:efbbbf)?(?:20|09|0a|0d)*3c/, "is not in UTF-8; save it as UTF-8"],
];

function otherTypeIssue(file: Buffer): string {
  const head = file.toString("hex", 0, 64);
  return (
    otherTypes.find(([pattern]) => pattern.test(head))?.[1] ?? "is no PNG, JPEG or SVG; convert it to one of these"
  );
}

const embeddedMax = 16;

/** Returns a reader of the pictures that one SVG embeds, with bounds for all of them together. */
function createEmbeddedReader(): ReadEmbedded {
  let pixels = 0;
  let count = 0;
  return (dataUrl) => {
    const [, content] = /^data:image\/(?:png|jpe?g)\s*(?:;[^,;]*)*;base64\s*,([A-Za-z0-9+/=\s]*)$/i.exec(dataUrl) ?? [];
    if (content === undefined)
      throw new LogoError(`has an <image> of ${quote(dataUrl)}; embed it as PNG or JPEG, or remove it`);
    const raster = readRasterFile(Buffer.from(content, "base64"));
    if (!raster) throw new LogoError("has an <image> that is no PNG or JPEG; embed it as one of these, or remove it");
    if (raster.orientation !== 1) throw new LogoError("has an <image> that its EXIF data turns; embed it as a PNG");
    pixels += raster.width * raster.height;
    if (++count > embeddedMax || pixels > embeddedPixelsMax)
      throw new LogoError(`has more than ${embeddedMax} pictures or 4,096 x 4,096 pixels in it; scale them down`);
    return { dataUrl: toDataUrl(raster), pixels: raster.width * raster.height };
  };
}

function toDataUrl({ type, bytes }: RasterFile): string {
  return `data:${type};base64,${bytes.toString("base64")}`;
}

/**
 * Draws a picture in all its colours, at the largest side that fits; else at the larger side with a palette, which always
 * fits. Throws LogoError if nothing is visible.
 */
async function draw({ width, height, isScalable, toSvg }: Picture): Promise<Logo> {
  const longer = Math.max(width, height);
  const drawings: Logo[] = [];
  for (const sidePx of sidesPx) {
    const scale = isScalable ? sidePx / longer : Math.min(1, sidePx / longer);
    const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    const png = await toPicture(toSvg(w, h)).catch(rejectUnlessUnseen);
    if (!png) throw new LogoError(unseen);
    const drawing = { png, width: w, height: h };
    if (png.length <= logoPngBytesMax) return drawing;
    drawings.push(drawing);
  }
  const [largest] = drawings;
  if (!largest) throw new LogoError(unseen);
  return withPalette(largest);
}

/** resvg throws for a picture that it finds nothing in; a trap of WebAssembly leaves the thread unusable. */
function rejectUnlessUnseen(error: unknown): undefined {
  if (error instanceof Error && error.name === "RuntimeError") throw error;
  return undefined;
}

/** Reduces the colours of a logo to the best 256. */
function withPalette({ png, width, height }: Logo): Logo {
  const pixels = UPNG.toRGBA8(UPNG.decode(png.slice().buffer));
  return { png: new Uint8Array(UPNG.encode(pixels, width, height, paletteColours)), width, height };
}
