import { describe, expect, it } from "vitest";
import { newId, newIds, randomBase36, randomBase62 } from "./ids.ts";

describe("ids", () => {
  it("have 20 characters of [0-9A-Za-z] and do not repeat", () => {
    const ids = new Set(Array.from({ length: 10_000 }, newId));
    expect(ids.size).toBe(10_000);
    for (const id of ids) expect(id).toMatch(/^[0-9A-Za-z]{20}$/);
  });

  it("ascend with time, and in the order in which they are made at once, in any collation", () => {
    const ids = [...newIds(1_000, 1_700_000_000_000), ...newIds(1_000, 1_700_000_000_001), newId()];
    expect(ids.toSorted()).toEqual(ids);
    expect(ids.toSorted(new Intl.Collator("en").compare)).toEqual(ids);
    expect(() => newIds(1_297)).toThrow(RangeError);
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
