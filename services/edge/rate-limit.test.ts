import { describe, expect, it } from "vitest";
import { type Metered, rateLimitHeaders } from "./rate-limit.ts";

const metered: Metered = {
  refusedBy: "none",
  minute: { limit: 600, used: 1, resetS: 41 },
  day: { limit: 50_000, used: 1, resetS: 52_341 },
  decidedAtMs: 0,
};

describe("rate limit headers", () => {
  it("are in the syntax of the draft", () => {
    expect(rateLimitHeaders(metered)).toEqual({
      "ratelimit-policy": '"minute";q=600;w=60, "day";q=50000;w=86400',
      ratelimit: '"minute";r=599;t=41, "day";r=49999;t=52341',
    });
  });

  it("of a refusal say when the window that refused opens again", () => {
    expect(rateLimitHeaders({ ...metered, refusedBy: "minute" })["retry-after"]).toBe("41");
    expect(rateLimitHeaders({ ...metered, refusedBy: "day" })["retry-after"]).toBe("52341");
  });

  it("leave out a window without a limit, and never go below zero", () => {
    expect(rateLimitHeaders({ ...metered, day: { limit: 0, used: 9, resetS: 1 } }).ratelimit).toBe(
      '"minute";r=599;t=41',
    );
    const lowered = { ...metered, minute: { limit: 5, used: 9, resetS: 1 } };
    expect(rateLimitHeaders(lowered).ratelimit).toContain('"minute";r=0');
    const unlimited = { limit: 0, used: 0, resetS: 1 };
    expect(rateLimitHeaders({ ...metered, minute: unlimited, day: unlimited })).toEqual({});
  });
});
