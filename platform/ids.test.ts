import { describe, expect, it } from "vitest";
import { checksumBase62, newId, randomBase36, randomBase62 } from "./ids.ts";

describe("ids", () => {
  it("have 20 characters of [0-9A-Za-z] and do not repeat", () => {
    const ids = new Set(Array.from({ length: 10_000 }, newId));
    expect(ids.size).toBe(10_000);
    for (const id of ids) expect(id).toMatch(/^[0-9A-Za-z]{20}$/);
  });

  it("use each character equally often", () => {
    for (const [random, size] of [
      [randomBase62, 62],
      [randomBase36, 36],
    ] as const) {
      const counts = new Map<string, number>();
      const length = size * 10_000;
      for (const character of random(length)) counts.set(character, (counts.get(character) ?? 0) + 1);
      expect(counts.size).toBe(size);
      // The chi-square statistic has mean size-1 and standard deviation sqrt(2(size-1)); a bias of one byte in 256 is far off.
      let chiSquare = 0;
      for (const count of counts.values()) chiSquare += (count - 10_000) ** 2 / 10_000;
      expect(chiSquare).toBeLessThan(size - 1 + 8 * Math.sqrt(2 * (size - 1)));
    }
  });
});

describe("the checksum", () => {
  it("is the CRC-32 in base 62", () => {
    // CRC-32 of "123456789" is 0xCBF43926 = 3421780262: https://reveng.sourceforge.io/crc-catalogue/17plus.htm
    const digits = [...checksumBase62("123456789")].map((digit) =>
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".indexOf(digit),
    );
    expect(digits).toHaveLength(6);
    expect(digits.reduce((value, digit) => value * 62 + digit, 0)).toBe(3_421_780_262);
  });

  it("differs for every change of one character", () => {
    const text = randomBase62(26);
    for (let at = 0; at < 26; at++) {
      const changed = `${text.slice(0, at)}${text[at] === "a" ? "b" : "a"}${text.slice(at + 1)}`;
      expect(checksumBase62(changed)).not.toBe(checksumBase62(text));
    }
  });
});
