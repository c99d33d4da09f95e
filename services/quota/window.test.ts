import { describe, expect, it } from "vitest";
import { seeded } from "../../cli/seed/random.ts";
import { type Ask, cutParts, decisionAt, refusedBy, resetsIn } from "./window.ts";

describe("runs", () => {
  it("join the alike requests of an account, and further kinds go to further parts", () => {
    const free = { perMinute: 60, perDay: 1_000 };
    const pro = { perMinute: 600, perDay: 50_000 };
    const ask = (accountId: string, cost: number, limits = free): Ask => ({ accountId, keyId: "k", cost, limits });
    const parts = cutParts([
      ask("a", 1),
      ask("b", 1),
      ask("a", 5),
      ask("a", 1),
      ask("b", 1, pro),
      ask("a", 7),
      ask("a", 5),
    ]);
    const shown = parts.map(({ runs, members }) =>
      runs.map(({ accountId, cost, asked }, index) => [accountId, cost, asked, members[index]]),
    );
    expect(shown).toEqual([
      [
        ["a", 1, 2, [0, 3]],
        ["b", 1, 1, [1]],
      ],
      [
        ["a", 5, 2, [2, 6]],
        ["b", 1, 1, [4]],
      ],
      [["a", 7, 1, [5]]],
    ]);
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
      const decisions = expected.map((_, place) => decisionAt(place, run, { admitted, ...model }));
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
