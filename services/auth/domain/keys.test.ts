import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { randomBase62 } from "../../../platform/ids.ts";
import { formatKey, randomPartLength, tracesOf } from "./keys.ts";

describe("a key", () => {
  it("is api_live_ and 32 characters, the last 6 of them determined by the rest", () => {
    const key = formatKey(randomBase62(randomPartLength));
    expect(key).toMatch(/^api_live_[0-9A-Za-z]{32}$/);
    expect(formatKey(key.slice(9, 35))).toBe(key);
    expect(formatKey("0".repeat(26))).toBe(`api_live_${"0".repeat(26)}3vSKjy`);
  });

  it("leaves its hash, its first 13 and its last 4 characters", () => {
    const key = formatKey(randomBase62(randomPartLength));
    expect(tracesOf(key)).toEqual({
      hash: createHash("sha256").update(key).digest(),
      prefix: key.slice(0, 13),
      last4: key.slice(-4),
    });
  });
});
