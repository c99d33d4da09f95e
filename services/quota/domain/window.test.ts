import { describe, expect, it } from "vitest";
import { type ConsumeRequest, refusedBy, resetsIn } from "../../../contracts/quota-rule.ts";
import { seeded } from "../../../dev/seed/random.ts";
import { decisionAt, groupBySubject } from "./window.ts";

describe("charges", () => {
  const free = { perMinute: 60, perDay: 1_000 };
  const pro = { perMinute: 600, perDay: 50_000 };
  const request = (accountId: string, cost: number, limits = free): ConsumeRequest => ({
    ...{ accountId, face: "api", keyId: "k" },
    ...{ cost, limits },
  });

  it("join the requests of each account", () => {
    const { charges, places } = groupBySubject([request("a", 1), request("b", 5, pro), request("a", 1)]);
    expect(charges).toEqual([
      { subject: "a", cost: 1, requested: 2, limits: free },
      { subject: "b", cost: 5, requested: 1, limits: pro },
    ]);
    expect(places).toEqual([[0, 2], [1]]);
  });

  it("keep an account's dashboard apart from its API", () => {
    const ofDashboard = { ...request("a", 5, pro), face: "dashboard" as const };
    expect(groupBySubject([request("a", 1), ofDashboard]).charges).toEqual([
      { subject: "a", cost: 1, requested: 1, limits: free },
      { subject: "a.dashboard", cost: 5, requested: 1, limits: pro },
    ]);
  });

  it("are refused where an account's requests differ", () => {
    const differing = { reason: "INVALID_REQUEST", message: expect.stringMatching(/^requests\[1\] must have/) };
    for (const other of [request("a", 2), request("a", 1, pro)]) {
      expect(() => groupBySubject([request("a", 1), other])).toThrow(expect.objectContaining(differing));
    }
  });

  it("decide like a plain model that takes one request after the other", () => {
    for (let seed = 0; seed < 2_000; seed++) {
      const random = seeded(seed);
      const int = (max: number) => Math.floor(random() * (max + 1));
      const limits = { perMinute: int(20), perDay: int(30) };
      const charge = { subject: "a", cost: 1 + int(3), requested: 1 + int(30), limits };
      const before = { minuteUsed: int(25), dayUsed: int(35) };

      const model = { ...before };
      const expected = Array.from({ length: charge.requested }, () => {
        const refused = refusedBy(charge, model);
        if (refused === "none") {
          model.minuteUsed += charge.cost;
          model.dayUsed += charge.cost;
        }
        return { refusedBy: refused, ...model };
      });
      const admitted = expected.filter((decision) => decision.refusedBy === "none").length;
      const decisions = expected.map((_, position) => decisionAt(position, charge, { admitted, ...model }));
      expect(decisions, `seed ${seed}`).toEqual(expected);
    }
  });
});

describe("a refusal", () => {
  it("names the day if neither window has room, and nothing if both are unlimited", () => {
    const full = { minuteUsed: 10, dayUsed: 10 };
    expect(refusedBy({ cost: 1, limits: { perMinute: 10, perDay: 10 } }, full)).toBe("day");
    expect(refusedBy({ cost: 1, limits: { perMinute: 10, perDay: 11 } }, full)).toBe("minute");
    expect(refusedBy({ cost: 1, limits: { perMinute: 0, perDay: 0 } }, full)).toBe("none");
  });
});

describe("the time until a window ends", () => {
  it("is counted from the whole second", () => {
    const now = Date.parse("2028-02-29T23:59:30.900Z");
    const windows = { minute: Math.floor(now / 60_000), day: Math.floor(now / 86_400_000) };
    expect(resetsIn(now, windows)).toEqual({ minuteS: 30, dayS: 30 });
  });

  it("runs to the end of the window charged, also when the clock has stepped back", () => {
    const now = Date.parse("2026-11-24T10:00:59.000Z");
    const windows = { minute: Math.floor(now / 60_000) + 1, day: Math.floor(now / 86_400_000) };
    expect(resetsIn(now, windows).minuteS).toBe(61);
  });
});
