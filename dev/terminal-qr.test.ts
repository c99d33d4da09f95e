import jsqr from "jsqr";
import { describe, expect, it } from "vitest";
import { drawInTerminal } from "./terminal-qr.ts";

const pixelsPerModule = 4;

/** Reads the symbol as a camera would that looks at the terminal. */
function scan(lines: string[]): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences of a terminal
  const rows = lines.map((line) => [...line.replace(/\x1b\[[\d;]*m/g, "")]);
  const width = rows[0]?.length ?? 0;
  const modules = rows.flatMap((row) => [
    row.map((cell) => "█▀".includes(cell)),
    row.map((cell) => "█▄".includes(cell)),
  ]);
  const side = { x: width * pixelsPerModule, y: modules.length * pixelsPerModule };
  const pixels = new Uint8ClampedArray(side.x * side.y * 4).fill(255);
  for (let y = 0; y < side.y; y++) {
    for (let x = 0; x < side.x; x++) {
      const dark = modules[Math.floor(y / pixelsPerModule)]?.[Math.floor(x / pixelsPerModule)];
      if (dark) pixels.fill(0, 4 * (y * side.x + x), 4 * (y * side.x + x) + 3);
    }
  }
  return jsqr.default(pixels, side.x, side.y)?.data;
}

describe("a QR code in the terminal", () => {
  it.each([
    "http://192.168.1.20:8080/",
    "http://192.168.1.20:8080/#/sign-in/zwTZBplJETIpFXSzv9w8V1SDIsF1UDu173JhH5v9-KE",
  ])("of %s can be scanned", (text) => {
    expect(scan(drawInTerminal(text))).toBe(text);
  });
});
