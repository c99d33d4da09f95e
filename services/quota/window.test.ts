import { describe, expect, it } from "vitest";
import { seeded } from "../../test/support/seeded.ts";
import { type Ask, decisionsOf, nextRuns, refusedBy, resetsIn } from "./window.ts";

describe("runs", () => {
  it("keep the order of each account's requests and join only equal ones", () => {
    const free = { perMinute: 60, perDay: 1_000 };
    const pro = { perMinute: 600, perDay: 50_000 };
    const ask = (accountId: string, cost: number, limits = free): Ask => ({ accountId, cost, limits });
    const { runs, members, rest } = nextRuns([
      ask("a", 1),
      ask("b", 1),
      ask("a", 1),
      ask("a", 5),
      ask("a", 1),
      ask("b", 1, pro),
    ]);
    expect(runs.map(({ accountId, asked }) => [accountId, asked])).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
    expect(members).toEqual([[0, 2], [1]]);
    expect(rest).toEqual([3, 4, 5]);
  });

  it("decide like a plain model that takes one request after the other", () => {
    for (let seed = 0; seed < 2_000; seed++) {
      const random = seeded(seed);
      const int = (max: number) => Math.floor(random() * (max + 1));
      const limits = { perMinute: int(20), perDay: int(30) };
      const run = { accountId: "a", cost: 1 + int(3), asked: 1 + int(30), limits };
      const before = { minuteUsed: int(25), dayUsed: int(35) };

      const model = { ...before };
      const expected = Array.from({ length: run.asked }, () => {
        const refused = refusedBy(run, model);
        if (refused === "none") {
          model.minuteUsed += run.cost;
          model.dayUsed += run.cost;
        }
        return { refusedBy: refused, ...model };
      });
      const admitted = expected.filter((decision) => decision.refusedBy === "none").length;
      expect(decisionsOf(run, { admitted, ...model }), `seed ${seed}`).toEqual(expected);
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
