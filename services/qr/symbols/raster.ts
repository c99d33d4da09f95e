import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { withBoundedMemory } from "./wasm-memory.ts";

export interface Raster {
  /** RGBA samples, row by row from the top. */
  pixels: Uint8ClampedArray;
  width: number;
  height: number;
}

let ready: Promise<void> | undefined;

/** Loads resvg as WebAssembly, so that pictures are the same on every machine. */
async function prepare(): Promise<void> {
  const { resolve } = createRequire(import.meta.url);
  ready ??= withBoundedMemory(async () => initWasm(await readFile(resolve("@resvg/resvg-wasm/index_bg.wasm"))));
  await ready;
}

async function render<T>(svg: string, widthPx: number | undefined, read: (image: RenderedImage) => T): Promise<T> {
  await prepare();
  const resvg = new Resvg(svg, {
    ...(widthPx !== undefined && { fitTo: { mode: "width" as const, value: widthPx } }),
    font: { loadSystemFonts: false },
  });
  try {
    const image = resvg.render();
    try {
      return read(image);
    } finally {
      image.free();
    }
  } finally {
    resvg.free();
  }
}
type RenderedImage = ReturnType<InstanceType<typeof Resvg>["render"]>;

/** Converts an SVG to PNG. */
export function toPng(svg: string, widthPx: number): Promise<Uint8Array> {
  return render(svg, widthPx, (image) => image.asPng());
}

/** Converts an SVG to PNG at its own size; returns undefined if nothing is visible. */
export function toPicture(svg: string): Promise<Uint8Array | undefined> {
  return render(svg, undefined, (image) => {
    const { pixels } = image;
    for (let at = 3; at < pixels.length; at += 4) if (pixels[at] !== 0) return image.asPng();
    return undefined;
  });
}

/** Converts an SVG to pixels. */
export function toRaster(svg: string, widthPx: number): Promise<Raster> {
  return render(svg, widthPx, (image) => ({
    pixels: new Uint8ClampedArray(image.pixels),
    width: image.width,
    height: image.height,
  }));
}

/** Returns a picture slightly out of focus: each pixel is the mean of itself and its eight neighbours. */
export function blur({ pixels, width, height }: Raster): Raster {
  const blurred = new Uint8ClampedArray(pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 4; channel++) {
        let sum = 0;
        let count = 0;
        for (let dy = Math.max(0, y - 1); dy <= Math.min(height - 1, y + 1); dy++) {
          for (let dx = Math.max(0, x - 1); dx <= Math.min(width - 1, x + 1); dx++) {
            // Uses a cast, since the index is within the picture and this is the innermost loop.
            sum += pixels[(dy * width + dx) * 4 + channel] as number;
            count++;
          }
        }
        blurred[(y * width + x) * 4 + channel] = sum / count;
      }
    }
  }
  return { pixels: blurred, width, height };
}
