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

/** Characters that look like a plain one, which the fonts have: blanks, hyphens and minus signs of every kind. */
const alike: [RegExp, string][] = [
  [/\p{Zs}/gu, " "],
  [/[\u2010\u2011\u2043\u2212\ufe63\uff0d]/g, "-"],
];

/** Returns a text as it is drawn: composed, and with plain blanks and hyphens where no font has the one that was typed. */
function drawnForm(text: string): string {
  const composed = text.normalize("NFC");
  return alike.reduce((form, [kind, plain]) => form.replaceAll(kind, (one) => (fontOf(one) ? one : plain)), composed);
}

/** Returns the characters of a text that cannot be drawn, each once: itself where it can be seen, and its code point. */
export function undrawable(text: string): string[] {
  return [...new Set(drawnForm(text))]
    .filter((character) => !fontOf(character) || /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u.test(character))
    .filter((character) => !/^\p{Zs}$/u.test(character))
    .map((character) => {
      const codePoint = `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
      return /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? `${character} (${codePoint})` : codePoint;
    });
}

/** Returns a text as outlines, so that it looks the same everywhere and needs no font. */
export const outlineText: OutlineText = (text, place) => {
  const runs: { font: fontkit.Font; text: string }[] = [];
  for (const character of drawnForm(text)) {
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
