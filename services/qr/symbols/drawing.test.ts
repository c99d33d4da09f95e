import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { outlineText } from "./caption.ts";
import { drawSymbol } from "./geometry.ts";
import { toPdf } from "./pdf.ts";
import { toSymbolPng } from "./png.ts";
import { plainStyle, type Style } from "./style.ts";
import { toSvg } from "./svg.ts";

const drawing = (style: Partial<Style>) =>
  drawSymbol(
    { text: "https://qr.example.com/menu", style: { ...plainStyle, ...style }, logo: undefined, margin: 4, ecc: "M" },
    outlineText,
  );
const hash = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

/** Hashes of the pictures. If a picture changes, raise `drawingVersion` in drawer.ts and update these. */
const expected = [
  [{}, "64ba0614e21b4176", "275714039a5cbf1c", "4404a28efc1cd135"],
  [
    { moduleShape: "dot", finderShape: "circle", foreground: "#1a2b6c" },
    "7466fd1457785e21",
    "d41c4899d00c690e",
    "86335022b6d374e7",
  ],
  [
    { moduleShape: "rounded", finderShape: "rounded", caption: "Scan me – Меню" },
    "a9fd1864fc3bee89",
    "b50530a6beb63cc3",
    "62e5fdd746a5b33b",
  ],
] as [Partial<Style>, string, string, string][];

describe("a picture", () => {
  for (const [style, svgHash, pngHash, pdfHash] of expected) {
    it(`has the same bytes on every machine: ${JSON.stringify(style)}`, async () => {
      const drawn = drawing(style);
      const svg = toSvg(drawn, 300);
      expect([
        hash(svg),
        hash(await toSymbolPng(drawn, 300)),
        hash(await toPdf(drawn, 300, "https://qr.example.com/menu")),
      ]).toEqual([svgHash, pngHash, pdfHash]);
    });
  }
});
