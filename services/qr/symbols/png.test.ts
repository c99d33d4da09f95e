import UPNG from "upng-js";
import { describe, expect, it } from "vitest";
import { outlineText } from "./caption.ts";
import { drawSymbol } from "./geometry.ts";
import { toPdf } from "./pdf.ts";
import { toSymbolPng } from "./png.ts";
import { toPng } from "./raster.ts";
import { plainStyle, type Style } from "./style.ts";
import { toSvg } from "./svg.ts";

const text = "https://qr.example.com/menu";
const draw = (style: Partial<Style> = {}) =>
  drawSymbol({ text, style: { ...plainStyle, ...style }, logo: undefined, margin: 4, ecc: "M" }, outlineText);

async function pixelsOf(png: Uint8Array): Promise<{ at(x: number, y: number): string; width: number; height: number }> {
  const image = UPNG.decode(Uint8Array.from(png).buffer);
  const pixels = Buffer.from(UPNG.toRGBA8(image)[0] as ArrayBuffer);
  const at = (x: number, y: number) => pixels.subarray(4 * (y * image.width + x)).toString("hex", 0, 4);
  return { at, width: image.width, height: image.height };
}

describe("a PNG", () => {
  it("of two colours has one bit a pixel, is at most a third of RGBA, and names 300 dots an inch", async () => {
    for (const size of [64, 300, 512, 4_096]) {
      const drawing = draw();
      const png = Buffer.from(await toSymbolPng(drawing, size));
      const [width, bits, type] = [png.readUInt32BE(16), png[24], png[25]];
      expect([width, bits, type]).toEqual([size, 1, 3]);
      expect(png.length).toBeLessThan((await toPng(toSvg(drawing, size), size)).length / 3);
      expect(png.toString("latin1", 37, 41)).toBe("pHYs");
      expect([png.readUInt32BE(41), png[49]]).toEqual([11_811, 1]);
    }
  });

  it("has whole pixels for each module, and background around what its width leaves", async () => {
    const drawing = draw();
    const modulePx = Math.floor(300 / drawing.width);
    const { at, width, height } = await pixelsOf(await toSymbolPng(drawing, 300));
    const start = Math.floor((300 - modulePx * drawing.width) / 2);
    const colours = new Set<string>();
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        colours.add(at(x, y));
        const moduleX = start + modulePx * Math.floor((x - start) / modulePx);
        const moduleY = start + modulePx * Math.floor((y - start) / modulePx);
        if (moduleX >= 0 && moduleY >= 0 && at(x, y) !== at(moduleX, moduleY)) expect.fail(`${x}, ${y} differs`);
      }
    }
    expect([...colours].sort()).toEqual(["000000ff", "ffffffff"]);
  });

  it("of round shapes and a caption has a palette, and its own colours", async () => {
    const style = { moduleShape: "dot", finderShape: "circle", foreground: "#1a2b6c", caption: "Menu" } as const;
    const png = Buffer.from(await toSymbolPng(draw(style), 512));
    expect([png.readUInt32BE(16), png[25]]).toEqual([512, 3]);
    const { at, width, height } = await pixelsOf(png);
    expect(height).toBeGreaterThan(width);
    expect(at(width / 2, height - 30)).toBe("1a2b6cff");
  });
});

it("an SVG names the picture in it for readers of SVG 1.1 as well", () => {
  const logo = { png: Buffer.from("png"), width: 10, height: 10 };
  const drawing = drawSymbol({ text, style: plainStyle, logo, margin: 4, ecc: "M" }, outlineText);
  const svg = toSvg(drawing, 300);
  const url = `data:image/png;base64,${logo.png.toString("base64")}`;
  expect(svg).toContain('xmlns:xlink="http://www.w3.org/1999/xlink"');
  expect(svg).toContain(` href="${url}" xlink:href="${url}"`);
  expect(toSvg(draw(), 300)).not.toContain("xlink");
});

it("a PDF has a title, which viewers show, and a language", async () => {
  const pdf = (await toPdf(draw(), 300, text)).toString("latin1");
  expect(pdf).toContain(`(QR code: ${text})`);
  expect(pdf).toContain("/Lang (en)");
  expect(pdf).toContain("/DisplayDocTitle true");
});
