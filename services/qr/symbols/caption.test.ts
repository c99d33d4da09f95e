import { describe, expect, it } from "vitest";
import { outlineText, undrawable } from "./caption.ts";

const outline = (text: string) => outlineText(text, () => ({ x: 0, y: 0, scale: 10 }));

describe("a caption", () => {
  for (const [about, text] of [
    ["a narrow no-break blank", "5\u202f%"],
    ["a no-break hyphen", "Wi\u2011Fi"],
    ["an ideographic blank", "Menu\u3000du jour"],
    ["a figure blank", "1\u2007000"],
    ["a minus sign", "\u22125 %"],
    ["decomposed letters", "Franc\u0327ais"],
    ["decomposed rings", "Smo\u0308rga\u030asbord"],
  ] as const) {
    it(`is drawn with ${about}`, () => {
      expect(undrawable(text)).toEqual([]);
      expect(outline(text)).toMatch(/^M/);
    });
  }

  it("looks the same composed and decomposed, and with either hyphen", () => {
    expect(outline("Franc\u0327ais")).toBe(outline("Fran\u00e7ais"));
    expect(outline("Wi\u2010Fi").length).toBeGreaterThan(0);
  });

  for (const [text, named] of [
    ["a\u200bb", ["U+200B"]],
    ["a\u2060b\ufeff", ["U+2060", "U+FEFF"]],
    ["\u202eabc", ["U+202E"]],
    ["soft\u00adhyphen", ["U+00AD"]],
    ["漢 menu", ["漢 (U+6F22)"]],
    ["🍕", ["🍕 (U+1F355)"]],
  ] as [string, string[]][]) {
    it(`is refused with the code points of what cannot be drawn: ${named.join(" ")}`, () => {
      expect(undrawable(text)).toEqual(named);
    });
  }
});
