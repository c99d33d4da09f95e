import { describe, expect, it } from "vitest";
import { type QuotaDecision, rateLimitHeaders } from "./rate-limit-headers.ts";

const decision: QuotaDecision = {
  refusedBy: "none",
  minute: { limit: 600, used: 1, resetS: 41 },
  day: { limit: 50_000, used: 1, resetS: 52_341 },
  decidedAtMs: 0,
};

describe("rate limit headers", () => {
  it("are in the syntax of the draft", () => {
    expect(rateLimitHeaders(decision)).toEqual({
      "ratelimit-policy": '"minute";q=600;w=60, "day";q=50000;w=86400',
      ratelimit: '"minute";r=599;t=41, "day";r=49999;t=52341',
    });
  });

  it("leave out a window without a limit, and never go below zero", () => {
    expect(rateLimitHeaders({ ...decision, day: { limit: 0, used: 9, resetS: 1 } }).ratelimit).toBe(
      '"minute";r=599;t=41',
    );
    const lowered = { ...decision, minute: { limit: 5, used: 9, resetS: 1 } };
    expect(rateLimitHeaders(lowered).ratelimit).toContain('"minute";r=0');
    const unlimited = { limit: 0, used: 0, resetS: 1 };
    expect(rateLimitHeaders({ ...decision, minute: unlimited, day: unlimited })).toEqual({});
  });
});
