import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as fontkit from "fontkit";
import type { OutlineText } from "./geometry.ts";

/** Subsets of Noto Sans for captions, https://notofonts.github.io, under the Open Font License. */
const subsets = ["latin", "latin-ext", "greek", "greek-ext", "cyrillic", "cyrillic-ext", "vietnamese", "devanagari"];
const weight = 600;

let fonts: fontkit.Font[] | undefined;

function loadFonts(): fontkit.Font[] {
  const { resolve } = createRequire(import.meta.url);
  return subsets.map((subset) => {
    const file = resolve(`@fontsource/noto-sans/files/noto-sans-${subset}-${weight}-normal.woff2`);
    // Uses a cast, since a file may also be a collection of fonts; these contain one each.
    return fontkit.create(readFileSync(file)) as fontkit.Font;
  });
}

function fontOf(character: string): fontkit.Font | undefined {
  fonts ??= loadFonts();
  return fonts.find((font) => font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0));
}

/** Returns the characters of a text that cannot be drawn, each once. */
export function undrawable(text: string): string[] {
  return [...new Set(text)].filter((character) => !fontOf(character));
}

/** Returns a text as outlines, so that it looks the same everywhere and needs no font. */
export const outlineText: OutlineText = (text, place) => {
  const runs: { font: fontkit.Font; text: string }[] = [];
  for (const character of text.normalize("NFC")) {
    const font = fontOf(character);
    if (!font) throw new Error(`no font has U+${character.codePointAt(0)?.toString(16)}`);
    const last = runs.at(-1);
    if (last && last.font === font) last.text += character;
    else runs.push({ font, text: character });
  }
  const laid = runs.map(({ font, text: part }) => ({ run: font.layout(part), em: font.unitsPerEm }));
  const width = laid.reduce((sum, { run, em }) => sum + run.advanceWidth / em, 0);
  const { x, y, scale } = place(width);
  let path = "";
  let at = 0;
  for (const { run, em } of laid) {
    for (const [index, glyph] of run.glyphs.entries()) {
      const { xAdvance = 0, xOffset = 0, yOffset = 0 } = run.positions[index] ?? {};
      const toX = (units: number) => (x + (at + (units + xOffset) / em) * scale).toFixed(3);
      const toY = (units: number) => (y - ((units + yOffset) / em) * scale).toFixed(3);
      for (const { command, args } of glyph.path.commands) {
        const points = args.map((value, place) => (place % 2 === 0 ? toX(value) : toY(value)));
        path += letterOf[command] + points.join(" ");
      }
      at += xAdvance / em;
    }
  }
  return path;
};

/** Letters of the commands in the data of an SVG path. */
const letterOf: Record<fontkit.PathCommand["command"], string> = {
  moveTo: "M",
  lineTo: "L",
  quadraticCurveTo: "Q",
  bezierCurveTo: "C",
  closePath: "z",
};
