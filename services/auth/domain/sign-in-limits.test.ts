import { describe, expect, it } from "vitest";
import { isLimited, subjectsOf, windowEndsInS } from "./sign-in-limits.ts";

describe("limits on failed sign-ins", () => {
  const none = { address: 0, account: 0, pair: 0 };
  it("hold by address, by account and by the two together; strangers do not count against a known address", () => {
    expect(isLimited(none, false)).toBe(false);
    expect(isLimited({ ...none, address: 30 }, false)).toBe(true);
    expect(isLimited({ ...none, address: 30 }, true)).toBe(false);
    expect(isLimited({ ...none, pair: 10 }, true)).toBe(true);
    expect(isLimited({ ...none, pair: 9 }, false)).toBe(false);
    expect(isLimited({ ...none, account: 20, pair: 2 }, false)).toBe(false);
    expect(isLimited({ ...none, account: 20, pair: 3 }, false)).toBe(true);
    expect(isLimited({ ...none, account: 1_000 }, true)).toBe(false);
  });

  it("count under hashes that cannot be mistaken for one another", () => {
    const subjects = subjectsOf("a", "b");
    expect(new Set([subjects.address, subjects.account, subjects.pair].map(String)).size).toBe(3);
    expect(windowEndsInS(900_000 * 5 + 1_000)).toBe(899);
  });
});
