import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { apiKeyPattern, formatApiKey, isApiKey } from "./api-key.ts";

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const randomPart = () => [...randomBytes(26)].map((byte) => base62.charAt(byte % 62)).join("");

describe("an API key", () => {
  it("is api_live_, 26 characters and their CRC-32 in base 62", () => {
    expect(formatApiKey("0".repeat(26))).toBe(`api_live_${"0".repeat(26)}3vSKjy`);
    for (let made = 0; made < 1_000; made++) {
      const random = randomPart();
      const [, part, sum = ""] = apiKeyPattern.exec(formatApiKey(random)) ?? [];
      expect(part).toBe(random);
      expect([...sum].reduce((value, digit) => value * 62 + base62.indexOf(digit), 0)).toBe(crc32(random));
    }
  });

  it("is told from every text that differs in one character", () => {
    const key = formatApiKey(randomPart());
    expect(isApiKey(key)).toBe(true);
    for (let at = 0; at < key.length; at++) {
      const changed = `${key.slice(0, at)}${key[at] === "a" ? "b" : "a"}${key.slice(at + 1)}`;
      expect(isApiKey(changed), changed).toBe(false);
    }
    for (const text of ["", key.slice(1), `${key}0`, ` ${key}`, `${key}\n`]) expect(isApiKey(text), text).toBe(false);
  });
});
