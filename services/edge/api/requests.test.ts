import { describe, expect, it } from "vitest";
import { readStyle, style } from "./requests.ts";

const bytes = Buffer.from("\x89PNG\r\n and more than one line of base64 as mail programs and shells wrap it, at 76");
const base64 = bytes.toString("base64");

describe("a logo as a data URL", () => {
  for (const [about, logo] of [
    ["of a PNG", `data:image/png;base64,${base64}`],
    ["of a JPEG by its common name", `data:image/jpg;base64,${base64}`],
    ["with a character set", `data:image/svg+xml;charset=utf-8;base64,${base64}`],
    ["in upper case", `data:IMAGE/PNG;BASE64,${base64}`],
    ["wrapped at 76 characters", `data:image/png;base64,${base64.replaceAll(/.{76}/g, "$&\r\n")}\n`],
  ] as const) {
    it(`is read: ${about}`, () => {
      expect(readStyle(style.parse({ logo }))).toEqual({ logo: bytes });
    });
  }

  for (const logo of ["data:image/png,%89PNG", "data:text/html;base64,PGI+", "data:image/png;base64,", `x${base64}`]) {
    it(`is refused with its form: ${logo.slice(0, 30)}`, () => {
      expect(style.safeParse({ logo }).error?.issues[0]?.message).toContain("data:image/...;base64,...");
    });
  }
});
