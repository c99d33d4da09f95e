import { describe, expect, it } from "vitest";
import { rateLimitKeys } from "../../../platform/rate-limit-key.ts";
import { createMinuteCounter } from "./minute-counter.ts";

/** Creates a counter of three calls a minute; its `admits` returns whether a call from an address was admitted. */
function counterAt(startMs: number) {
  let nowMs = startMs;
  const count = createMinuteCounter({ message: "too many", perMinuteMax: 3, clock: { now: () => nowMs } });
  const admits = (address: string): boolean => {
    try {
      count(rateLimitKeys(address));
      return true;
    } catch (error) {
      expect(error).toMatchObject({ reason: "RATE_LIMIT_MINUTE", retryAfterS: 60 - ((nowMs / 1_000) % 60) });
      return false;
    }
  };
  return { admits, passTime: (ms: number) => (nowMs += ms) };
}

describe("calls by address and minute", () => {
  it("are admitted up to the limit, and again in the next minute", () => {
    const { admits, passTime } = counterAt(20_000);
    expect([1, 2, 3, 4, 5].map(() => admits("192.0.2.1"))).toEqual([true, true, true, false, false]);
    expect(admits("192.0.2.2")).toBe(true);
    passTime(40_000);
    expect(admits("192.0.2.1")).toBe(true);
  });

  it("are bounded for an IPv6 /48 as a whole, however many of its 65,536 networks call", () => {
    const { admits } = counterAt(0);
    let admitted = 0;
    for (let round = 0; round < 2; round++) {
      for (let network = 0; network < 65_536; network++) {
        if (admits(`2001:db8:7:${network.toString(16)}::1`)) admitted++;
      }
    }
    expect(admitted).toBe(3 * 16);
    expect(admits("2001:db8:8::1")).toBe(true);
  });

  it("of one network do not use up those of its /48", () => {
    const { admits } = counterAt(0);
    for (let index = 0; index < 1_000; index++) admits("2001:db8:7:1::1");
    expect(admits("2001:db8:7:2::1")).toBe(true);
  });

  it("are not forgotten while they go on, whoever else calls", () => {
    const { admits } = counterAt(0);
    for (let index = 0; index < 3; index++) admits("192.0.2.1");
    for (let index = 0; index < 50_000; index++) {
      admits(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
      if (index % 1_000 === 0) expect(admits("192.0.2.1")).toBe(false);
    }
  });
});
