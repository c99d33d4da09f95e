import { describe, expect, it } from "vitest";
import { createGuessLimit } from "./guess-limit.ts";

const now = Date.parse("2026-11-25T10:00:40Z");

describe("the limit of unknown keys", () => {
  it("is for each address and minute, and tells when the next minute begins", () => {
    const limit = createGuessLimit({ perMinuteMax: 3 });
    for (const hash of ["a", "b", "c"]) {
      limit.check("192.0.2.1", now);
      limit.record("192.0.2.1", hash, now);
    }
    expect(() => limit.check("192.0.2.1", now)).toThrow(
      expect.objectContaining({ reason: "RATE_LIMIT_MINUTE", retryAfterS: 20 }),
    );
    expect(() => limit.check("192.0.2.2", now)).not.toThrow();
    expect(() => limit.check("192.0.2.1", now + 20_000)).not.toThrow();
  });

  it("counts a key that comes again and again once", () => {
    const limit = createGuessLimit({ perMinuteMax: 3 });
    for (let time = 0; time < 100; time++) limit.record("192.0.2.1", time % 2 === 0 ? "a" : "b", now);
    expect(() => limit.check("192.0.2.1", now)).not.toThrow();
  });

  it("holds for an IPv6 /48 as a whole, however many of its networks try, and is not forgotten", () => {
    const limit = createGuessLimit({ perMinuteMax: 3 });
    let looked = 0;
    for (let index = 0; index < 200_000; index++) {
      const address = `2001:db8:7:${(index % 65_536).toString(16)}::1`;
      try {
        limit.check(address, now);
      } catch {
        continue;
      }
      looked++;
      limit.record(address, `hash ${index}`, now);
    }
    expect(looked).toBe(3 * 16);
    expect(() => limit.check("2001:db8:8::1", now)).not.toThrow();
  });
});
