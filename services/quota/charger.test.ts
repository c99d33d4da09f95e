import { describe, expect, it } from "vitest";
import { createCharger } from "./charger.ts";
import type { WindowRow } from "./store.ts";
import type { Run } from "./window.ts";

const limits = { perMinute: 10, perDay: 100 };
const ask = (accountId: string, cost = 1) => ({ accountId, cost, limits });

/** A charger over statements that are answered by hand, in memory. */
function manual(waitingMax = 1_000) {
  const statements: { runs: Run[]; finish(): void; fail(error: Error): void }[] = [];
  const used = new Map<string, number>();
  let now = 0;
  const charger = createCharger({
    waitingMax,
    perStatementMax: 100,
    clock: { monotonic: () => now },
    store: {
      charge: (runs) =>
        new Promise<WindowRow[]>((resolve, reject) => {
          const finish = () =>
            resolve(
              runs.map((run) => {
                const before = used.get(run.accountId) ?? 0;
                const admitted = Math.min(run.asked, Math.floor((limits.perMinute - before) / run.cost));
                const after = before + admitted * run.cost;
                used.set(run.accountId, after);
                return { admitted, minuteUsed: after, dayUsed: after, minute: 0, day: 0, nowMs: 1_000 };
              }),
            );
          statements.push({ runs, finish, fail: reject });
        }),
    },
  });
  const charge = (asks: ReturnType<typeof ask>[], remainingMs = 1_000) => charger(asks, remainingMs);
  return { charge, statements, passTime: (ms: number) => (now += ms) };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("the charger", () => {
  it("joins what arrives while a statement runs into the next one", async () => {
    const { charge, statements } = manual();
    const first = charge([ask("a")]);
    const others = Promise.all([charge([ask("a"), ask("b")]), charge([ask("a")])]);
    expect(statements).toHaveLength(1);
    statements[0]?.finish();
    await first;
    await turn();
    expect(statements[1]?.runs.map(({ accountId, asked }) => [accountId, asked])).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
    statements[1]?.finish();
    const used = (await others).flat().map(({ minuteUsed }) => minuteUsed);
    expect(used).toEqual([2, 1, 3]);
  });

  it("fails those of a statement that failed, and goes on", async () => {
    const { charge, statements } = manual();
    const first = charge([ask("a")]);
    const second = charge([ask("a")]);
    statements[0]?.fail(new Error("database gone"));
    await expect(first).rejects.toThrow("database gone");
    await turn();
    statements[1]?.finish();
    expect((await second)[0]?.refusedBy).toBe("none");
  });

  it("decides requests of different cost one statement after the other", async () => {
    const { charge, statements } = manual();
    const decisions = charge([ask("a", 8), ask("a", 5), ask("a", 2)]);
    for (let i = 0; i < 3; i++) {
      statements[i]?.finish();
      await turn();
    }
    expect((await decisions).map(({ refusedBy }) => refusedBy)).toEqual(["none", "minute", "none"]);
  });

  it("does not charge what nobody waits for any more", async () => {
    const { charge, statements, passTime } = manual();
    const first = charge([ask("a")]);
    const late = charge([ask("a")], 10);
    passTime(11);
    statements[0]?.finish();
    await first;
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    await turn();
    expect(statements).toHaveLength(1);
  });

  it("puts no more into a statement than allowed", async () => {
    const { charge, statements } = manual();
    void charge([ask("z")]);
    void charge(Array.from({ length: 150 }, (_, i) => ask(`a${i}`)));
    statements[0]?.finish();
    await turn();
    expect(statements[1]?.runs).toHaveLength(100);
  });

  it("refuses more than may wait", async () => {
    const { charge } = manual(2);
    void charge([ask("a")]);
    void charge([ask("a"), ask("a")]);
    await expect(charge([ask("a")])).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  });
});
