import { describe, expect, it } from "vitest";
import { activeCodesMax, activeKeysMax, limitsOf, normalizeEmail } from "./plans.ts";

describe("plans", () => {
  it("free and pro have limits of their own, one key and so many codes", () => {
    expect(limitsOf("free", undefined)).toEqual({ limits: { perMinute: 60, perDay: 1_000 } });
    expect(limitsOf("pro", undefined)).toEqual({ limits: { perMinute: 600, perDay: 50_000 } });
    expect(limitsOf("free", { perMinute: 1, perDay: 1 })).toHaveProperty("issues");
    expect([activeKeysMax("free"), activeKeysMax("pro")]).toEqual([1, 1]);
    expect([activeCodesMax("free"), activeCodesMax("pro")]).toEqual([1_000n, 50_000n]);
  });

  it("enterprise has the limits given, none if none are, and any number of keys and codes", () => {
    expect(limitsOf("enterprise", undefined)).toEqual({ limits: { perMinute: 0, perDay: 0 } });
    expect(limitsOf("enterprise", { perMinute: 5, perDay: 6 })).toEqual({ limits: { perMinute: 5, perDay: 6 } });
    expect(limitsOf("enterprise", { perMinute: -1, perDay: 1e15 })).toMatchObject({
      issues: [{ field: "limits.per_minute" }, { field: "limits.per_day" }],
    });
    expect(activeKeysMax("enterprise")).toBe(Number.POSITIVE_INFINITY);
    expect(activeCodesMax("enterprise")).toBe(0n);
  });
});

describe("e-mail addresses", () => {
  it("are kept in lower case and must look like one", () => {
    expect(normalizeEmail(" Ann@Example.COM ")).toBe("ann@example.com");
    for (const bad of ["", "a", "a@b", "a b@c.d", `${"x".repeat(250)}@a.bc`, "a@b\u0000.c"]) {
      expect(normalizeEmail(bad), bad).toBeUndefined();
    }
  });
});
