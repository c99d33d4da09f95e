import postgres from "postgres";
import { afterAll, describe, expect, inject, it } from "vitest";
import { refusedBy } from "../../contracts/quota-rule.ts";
import { seeded } from "../../dev/seed/random.ts";
import type { Charged, WindowRow } from "../../services/quota/domain/batch.ts";
import { createStore } from "../../services/quota/store/windows.ts";

const { databaseUrl } = inject("cluster");
const sql = postgres(databaseUrl, {
  max: 4,
  types: { int8: { to: 20, from: [20], serialize: String, parse: Number } },
});
afterAll(() => sql.end());

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** Moments around which windows turn: midnight, the end of a leap day, of a year, of a plain minute. */
const turns = ["2026-11-25T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z", "2027-01-01T00:00:00Z"]
  .concat("2026-11-24T12:34:00Z")
  .map((text) => Date.parse(text));

/** Both windows as a plain model keeps them: one request after the other, in integers of UTC time. */
function createModel() {
  const state = { minute: -1, minuteUsed: 0, day: -1, dayUsed: 0 };
  return {
    state,
    charge(nowMs: number, cost: number, limits: { perMinute: number; perDay: number }): boolean {
      const minute = Math.floor(nowMs / minuteMs);
      const day = Math.floor(nowMs / dayMs);
      // A window that begins over five minutes from now is of a clock that was wrong.
      const latest = nowMs + 5 * minuteMs;
      if (minute > state.minute || state.minute * minuteMs > latest) Object.assign(state, { minute, minuteUsed: 0 });
      if (day > state.day || state.day * dayMs > latest) Object.assign(state, { day, dayUsed: 0 });
      if (refusedBy({ cost, limits }, state) !== "none") return false;
      state.minuteUsed += cost;
      state.dayUsed += cost;
      return true;
    },
  };
}

describe("the windows in the database", () => {
  it("are those of a plain model, for any times, limits and costs, also when the clock steps back", async () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = seeded(seed);
      const int = (max: number) => Math.floor(random() * (max + 1));
      const subject = `model${String(seed).padStart(15, "0")}`;
      const model = createModel();
      let nowMs = (turns[seed % turns.length] as number) - int(120_000);
      for (let step = 0; step < 25; step++) {
        if (random() < 0.05) nowMs -= int(2 * dayMs);
        nowMs += random() < 0.15 ? -int(90_000) : int(random() < 0.1 ? dayMs : 20_000);
        const limits = { perMinute: random() < 0.2 ? 0 : int(12), perDay: random() < 0.2 ? 0 : int(30) };
        const charge = { subject, cost: 1 + int(4), requested: 1 + int(8), limits };
        const store = createStore(sql as never, sql`to_timestamp(${nowMs / 1_000}::float8)` as never);
        const charged = (await store.charge([charge])) as Charged;
        const row = charged.rows[0] as WindowRow;
        let admitted = 0;
        for (let request = 0; request < charge.requested; request++)
          if (model.charge(nowMs, charge.cost, limits)) admitted++;
        const { minute, minuteUsed, day, dayUsed } = row;
        const about = `seed ${seed}, step ${step}`;
        expect({ minute, minuteUsed, day, dayUsed, admitted: row.admitted }, about).toEqual({
          ...model.state,
          admitted,
        });
        const read = await store.read(subject);
        expect([read.minuteUsed, read.dayUsed], about).toEqual([model.state.minuteUsed, model.state.dayUsed]);
      }
    }
  });

  it("are those of the present again after the clock was a day ahead and was put right", async () => {
    const subject = "clockstep00000000000";
    const limits = { perMinute: 5, perDay: 8 };
    const at = (ms: number) => createStore(sql as never, sql`to_timestamp(${ms / 1_000}::float8)` as never);
    const charge = async (ms: number) =>
      ((await at(ms).charge([{ subject, cost: 1, requested: 10, limits }])) as Charged).rows[0]?.admitted;
    const nowMs = Date.parse("2026-11-24T12:34:00Z");
    expect(await charge(nowMs)).toBe(5);
    expect(await charge(nowMs + dayMs)).toBe(5);
    // Two seconds are the difference between two servers: the later window goes on.
    expect(await charge(nowMs + dayMs - 2_000)).toBe(0);
    expect(await charge(nowMs + 1_000)).toBe(5);
    expect(await charge(nowMs + 2_000)).toBe(0);
    expect(await charge(nowMs + 62_000)).toBe(3);
    const day = Math.floor(nowMs / dayMs);
    expect(await at(nowMs).listDays(subject, day, day + 1)).toEqual([{ day, used: 13 }]);
  });

  it("do not deadlock or lose a charge when statements name the same accounts in any order", async () => {
    const accounts = Array.from({ length: 20 }, (_, index) => `order${String(index).padStart(15, "0")}`);
    const store = createStore(sql as never);
    const limits = { perMinute: 0, perDay: 0 };
    const random = seeded(7);
    const shuffled = () => [...accounts].sort(() => random() - 0.5);
    const statements = Array.from({ length: 40 }, () =>
      store.charge(shuffled().map((subject) => ({ subject, cost: 1, requested: 1, limits }))),
    );
    await Promise.all(statements);
    for (const subject of accounts) expect((await store.read(subject)).dayUsed).toBe(40);
  });
});
