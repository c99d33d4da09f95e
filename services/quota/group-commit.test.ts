import { describe, expect, it } from "vitest";
import type { ConsumeRequest } from "../../contracts/quota-rule.ts";
import type { Charged, FoundBatch } from "./domain/batch.ts";
import type { Charge } from "./domain/window.ts";
import { createGroupCommit } from "./group-commit.ts";
import type { Keep } from "./store/windows.ts";

const limits = { perMinute: 10, perDay: 100 };
const ask = (accountId: string, cost = 1): ConsumeRequest => ({ accountId, face: "api", keyId: "k", cost, limits });
const batchId = (name: string) => `00000000-0000-7000-8000-${name.padStart(12, "0")}`;

/** In-memory windows and stored answers, shared by replicas. */
function createTables() {
  const used = new Map<string, number>();
  const kept = new Map<string, FoundBatch>();
  return {
    used,
    kept,
    charge(charges: Charge[], keep: Keep): Charged | undefined {
      if (keep.batches.some(({ batchId }) => kept.has(batchId))) return undefined;
      const rows = charges.map(({ subject, cost, requested }) => {
        const before = used.get(subject) ?? 0;
        const admitted = Math.min(requested, Math.floor((limits.perMinute - before) / cost));
        const after = before + admitted * cost;
        used.set(subject, after);
        return { admitted, minuteUsed: after, dayUsed: after, minute: 0, day: 0 };
      });
      const answer = { rows, nowMs: 1_000 };
      for (const batch of keep.batches) kept.set(batch.batchId, { ...batch, answer });
      return answer;
    },
    find: (ids: string[]) => ids.flatMap((id) => kept.get(id) ?? []),
  };
}

/** Creates a group commit whose statements are answered by the test. */
function manual({ waitingMax = 1_000, tables = createTables() } = {}) {
  const statements: { charges: Charge[]; finish(): void; loseAnswer(): void; fail(error: Error): void }[] = [];
  const noted: [string, number, number][] = [];
  let now = 0;
  let repeated = 0;
  const groupCommit = createGroupCommit({
    waitingMax,
    perStatementMax: 100,
    keepMs: 1_000,
    newStatementId: () => "s",
    clock: { monotonic: () => now },
    note: (requests, places, admitted) =>
      noted.push([requests[places[0] as number]?.accountId ?? "", places.length, admitted]),
    noteStatement: () => {},
    noteRepeated: () => repeated++,
    store: {
      charge: (charges, keep) =>
        new Promise((resolve, reject) => {
          statements.push({
            charges,
            finish: () => resolve(tables.charge(charges, keep as Keep)),
            loseAnswer: () => {
              tables.charge(charges, keep as Keep);
              reject(new Error("connection lost"));
            },
            fail: reject,
          });
        }),
      findBatches: async (ids) => tables.find(ids),
    },
  });
  const charge = (requests: ConsumeRequest[], remainingMs = 1_000, id = "") =>
    groupCommit.charge(requests, remainingMs, id);
  return { charge, statements, noted, repeated: () => repeated, passTime: (ms: number) => (now += ms) };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a group commit", () => {
  it("joins what arrives while a statement runs into the next one, in the order of account ids", async () => {
    const { charge, statements } = manual();
    const first = charge([ask("a")]);
    const others = Promise.all([charge([ask("b"), ask("a")]), charge([ask("a")])]);
    expect(statements).toHaveLength(1);
    statements[0]?.finish();
    await first;
    await turn();
    expect(statements[1]?.charges.map(({ subject, requested }) => [subject, requested])).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
    statements[1]?.finish();
    const used = (await others).flat().map(({ minuteUsed }) => minuteUsed);
    expect(used).toEqual([1, 2, 3]);
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

  it("refuses a call in which an account's requests differ in cost or limits, and decides others", async () => {
    const { charge, statements } = manual();
    const wider = { ...ask("a"), limits: { perMinute: 11, perDay: 100 } };
    for (const requests of [
      [ask("a"), ask("b"), ask("a", 2)],
      [ask("a"), wider],
    ]) {
      await expect(charge(requests)).rejects.toMatchObject({
        reason: "INVALID_REQUEST",
        message: expect.stringContaining(`requests[${requests.length - 1}]`),
      });
    }
    const decisions = charge([ask("a"), ask("b", 2)]);
    statements[0]?.finish();
    expect((await decisions).map(({ minuteUsed }) => minuteUsed)).toEqual([1, 2]);
  });

  it("leaves a call whose requests are not like those taken for the next statement, and what comes after it", async () => {
    const { charge, statements } = manual();
    void charge([ask("z")]);
    void charge([ask("a")]);
    void charge([ask("a", 2)]);
    void charge([ask("a"), ask("b")]);
    void charge([ask("c")]);
    statements[0]?.finish();
    await turn();
    expect(statements[1]?.charges.map(({ subject }) => subject)).toEqual(["a", "c"]);
    statements[1]?.finish();
    await turn();
    expect(statements[2]?.charges.map(({ subject, cost }) => [subject, cost])).toEqual([["a", 2]]);
    statements[2]?.finish();
    await turn();
    statements[3]?.finish();
  });

  it("keeps a call whose caller sets no deadline like any other", async () => {
    const { charge, statements } = manual();
    const decisions = charge([ask("a")], Number.POSITIVE_INFINITY, batchId("1"));
    statements[0]?.finish();
    expect((await decisions)[0]?.refusedBy).toBe("none");
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

  it("an account behind another's flood is decided by the very next statement", async () => {
    const { charge, statements } = manual({ waitingMax: 100_000 });
    void charge([ask("z")]);
    const flood = Array.from({ length: 50 }, () => charge(Array.from({ length: 1_000 }, () => ask("flood"))));
    const other = charge([ask("other")]);
    statements[0]?.finish();
    await turn();
    statements[1]?.finish();
    expect((await other)[0]?.refusedBy).toBe("none");
    await Promise.all(flood);
  });

  it("puts no more accounts into a statement than allowed", async () => {
    const { charge, statements } = manual();
    void charge([ask("z")]);
    void charge(Array.from({ length: 60 }, (_, i) => ask(`a${i}`)));
    void charge(Array.from({ length: 60 }, (_, i) => ask(`b${i}`)));
    statements[0]?.finish();
    await turn();
    expect(statements[1]?.charges).toHaveLength(60);
  });

  it("refuses more than may wait", async () => {
    const { charge } = manual({ waitingMax: 2 });
    void charge([ask("a")]);
    void charge([ask("a")]);
    await expect(charge([ask("a")])).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  });

  it("tells how many requests of a call were admitted, also where calls share a row", async () => {
    const { charge, statements, noted } = manual();
    const first = charge([ask("a", 1)]);
    const others = [charge([...Array(6)].map(() => ask("a"))), charge([...Array(6)].map(() => ask("a")))];
    statements[0]?.finish();
    await first;
    await turn();
    statements[1]?.finish();
    await Promise.all(others);
    expect(noted).toEqual([
      ["a", 1, 1],
      ["a", 6, 6],
      ["a", 6, 3],
    ]);
  });
});

describe("a batch that is repeated", () => {
  const requests = () => [ask("a", 3), ask("b"), ask("a", 3), ask("a", 3), ask("a", 3)];

  it("after its answer was lost is charged once and answered as it was, also by another replica", async () => {
    const tables = createTables();
    const one = manual({ tables });
    const other = manual({ tables });
    const lost = one.charge(requests(), 1_000, batchId("1"));
    one.statements[0]?.loseAnswer();
    await expect(lost).rejects.toThrow("connection lost");
    const again = other.charge(requests(), 1_000, batchId("1"));
    other.statements[0]?.finish();
    const decisions = await again;
    expect(decisions.map(({ refusedBy }) => refusedBy)).toEqual(["none", "none", "none", "none", "minute"]);
    expect(decisions.map(({ minuteUsed }) => minuteUsed)).toEqual([3, 1, 6, 9, 9]);
    expect(tables.used.get("a")).toBe(9);
    expect(other.noted).toEqual([]);
  });

  it("does not keep others in its statement from being charged", async () => {
    const tables = createTables();
    const { charge, statements, repeated } = manual({ tables });
    const first = charge([ask("a")], 1_000, batchId("1"));
    statements[0]?.finish();
    await first;
    const blocking = charge([ask("z")]);
    const again = charge([ask("a")], 1_000, batchId("1"));
    const fresh = charge([ask("a")], 1_000, batchId("2"));
    statements[1]?.finish();
    await blocking;
    await turn();
    statements[2]?.finish();
    await turn();
    statements[3]?.finish();
    expect((await again)[0]?.minuteUsed).toBe(1);
    expect((await fresh)[0]?.minuteUsed).toBe(2);
    expect(repeated()).toBe(1);
  });

  it("while the first is under way joins it", async () => {
    const { charge, statements } = manual();
    const both = [charge([ask("a")], 1_000, batchId("1")), charge([ask("a")], 1_000, batchId("1"))];
    statements[0]?.finish();
    expect((await Promise.all(both)).flat().map(({ minuteUsed }) => minuteUsed)).toEqual([1, 1]);
    await turn();
    expect(statements).toHaveLength(1);
  });

  it("with other requests is refused, while the first is under way and afterwards", async () => {
    const tables = createTables();
    const { charge, statements } = manual({ tables });
    const first = charge([ask("a")], 1_000, batchId("1"));
    await expect(charge([ask("b")], 1_000, batchId("1"))).rejects.toMatchObject({ reason: "CONFLICT" });
    statements[0]?.finish();
    await first;
    const other = charge([ask("a", 2)], 1_000, batchId("1"));
    statements[1]?.finish();
    await expect(other).rejects.toMatchObject({ reason: "CONFLICT" });
    expect(tables.used.get("a")).toBe(1);
  });

  it("when it was settled in another way, or its answer is forgotten, fails and is not charged; others are", async () => {
    const tables = createTables();
    const { charge, statements } = manual({ tables });
    const found = { requestsCrc: 0, shares: [] };
    tables.kept.set(batchId("1"), { batchId: batchId("1"), ...found, answer: "settled" });
    tables.kept.set(batchId("2"), { batchId: batchId("2"), ...found, answer: "forgotten" });
    void charge([ask("z")]);
    const late = [charge([ask("a")], 1_000, batchId("1")), charge([ask("a")], 1_000, batchId("2"))];
    const other = charge([ask("a")], 1_000, batchId("3"));
    statements[0]?.finish();
    await turn();
    statements[1]?.finish();
    for (const one of late) await expect(one).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    statements[2]?.finish();
    expect((await other)[0]?.minuteUsed).toBe(1);
  });
});
