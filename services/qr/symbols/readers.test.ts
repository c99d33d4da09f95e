import { readFileSync } from "node:fs";
import { scanRGBABuffer } from "@undecaf/zbar-wasm";
import { describe, expect, it } from "vitest";
import { outlineText } from "./caption.ts";
import { drawSymbol } from "./geometry.ts";
import { normaliseLogo } from "./logos/logo.ts";
import { toSymbolPng } from "./png.ts";
import { type Raster, toRaster } from "./raster.ts";
import { readabilityIssue, sizeIssue } from "./readability.ts";
import { readSymbol } from "./reader.ts";
import { eccLevels, finderShapes, moduleShapes, plainStyle, type SymbolRequest } from "./style.ts";
import { toSvg } from "./svg.ts";

/** Number of pictures; more of them: `SYMBOL_SAMPLES=1000 npx vitest run --project unit services/qr/symbols/readers.test.ts` */
const samples = Number(process.env.SYMBOL_SAMPLES ?? 24);
const sizes = [64, 65, 80, 100, 128, 150, 200, 256, 300, 400, 512, 640, 1_000, 1_024, 2_000, 4_096];
const slugs = ["menu", "qr-0k3z9ab", "a-table-on-the-terrace", "a1".repeat(31)];
const logoFile = readFileSync(new URL("../../../test/cases/logos/photo-100x100.jpg", import.meta.url));

/** Returns the same choices each time. */
function createChoice(seed: number) {
  let state = seed;
  return <T>(values: readonly T[]): T => {
    state = (state * 48_271) % 0x7fffffff;
    return values[state % values.length] as T;
  };
}

/** Returns a PNG at a width in pixels, as a camera sees it from some distance. */
function view(png: Uint8Array, size: number, height: number, widthPx: number): Promise<Raster> {
  const url = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  const picture = `<image width="${size}" height="${height}" href="${url}"/>`;
  return toRaster(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${height}" width="${size}" height="${height}">${picture}</svg>`,
    widthPx,
  );
}

async function readByZBar({ pixels, width, height }: Raster): Promise<string | undefined> {
  const [found] = await scanRGBABuffer(Uint8Array.from(pixels).buffer, width, height);
  return found?.decode();
}

/** Returns whether ZBar reads a picture from one of several distances, as somebody who scans moves the camera. */
async function isReadByZBar(at: (widthPx: number) => Promise<Raster>, size: number, text: string): Promise<boolean> {
  for (const widthPx of new Set([Math.min(size, 1_024), 400, 300, 600, 800, 500])) {
    if ((await readByZBar(await at(widthPx))) === text) return true;
  }
  return false;
}

describe("pictures of every kind that are handed out", () => {
  it("are read by ZXing at their size, and by ZBar", { timeout: 60_000 + samples * 5_000 }, async () => {
    const choose = createChoice(20_262);
    const logo = await normaliseLogo(logoFile);
    if ("issue" in logo) throw new Error(logo.issue);
    const unread: string[] = [];
    let drawn = 0;
    for (let tried = 0; drawn < samples && tried < 20 * samples; tried++) {
      const style = {
        ...plainStyle,
        moduleShape: choose(moduleShapes),
        finderShape: choose(finderShapes),
        caption: choose(["", "Scan me – Меню"]),
        foreground: choose(["#000000", "#1a2b6c"]),
      };
      const text = `https://qr.example.com/${choose(slugs)}`;
      const withLogo = choose([undefined, undefined, logo]);
      const request: SymbolRequest = {
        text,
        style,
        logo: withLogo,
        margin: choose([0, 2, 4, 16]),
        ecc: choose(eccLevels),
      };
      const size = choose(sizes);
      if ((await readabilityIssue(request)) ?? (await sizeIssue(request, size))) continue;
      drawn++;
      const drawing = drawSymbol(request, outlineText);
      const png = Buffer.from(await toSymbolPng(drawing, size));
      const svg = toSvg(drawing, size);
      const asPng = (widthPx: number) => view(png, size, png.readUInt32BE(20), widthPx);
      const asSvg = (widthPx: number) => toRaster(svg, widthPx);
      const about = JSON.stringify({ ...request, logo: withLogo !== undefined, size });
      for (const [format, at] of Object.entries({ png: asPng, svg: asSvg })) {
        if ((await readSymbol(await at(size))) !== text) unread.push(`ZXing ${format} ${about}`);
        if (!(await isReadByZBar(at, size, text))) unread.push(`ZBar ${format} ${about}`);
      }
    }
    expect(unread).toEqual([]);
    expect(drawn).toBe(samples);
  });
});
