import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { Face } from "../../../gen/qrforge/quota/v1/quota_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { createCloser } from "../../../platform/process/closer.ts";
import { createOfflineWindows } from "./offline-windows.ts";
import { openQuotaClient, splitIntoCalls } from "./quota-client.ts";
import type { SentBatch } from "./quota-refunds.ts";

const startMs = Date.parse("2026-11-25T10:00:30.000Z");
const limits = { perMinute: 5, perDay: 100 };
const ask = (accountId = "a", cost = 1) => ({ accountId, face: "api" as const, keyId: "k", cost, limits });

/** Creates a client of a fake quota that stores one count for each account and can be made unavailable. */
function manual(policy: "closed" | "open") {
  const logged: { units?: number; msg: string }[] = [];
  const log = pino({ level: "error" }, { write: (line) => void logged.push(JSON.parse(line)) });
  const closer = createCloser(log);
  const seen: Record<string, number> = {};
  const reported: { batchId: string; counts: { accountId: string; face?: Face; admitted?: bigint }[] }[] = [];
  const refunded: { batchId: string; places: number[] }[] = [];
  const used = new Map<string, number>();
  let away: "no" | "unreachable" | "answer lost" = "no";
  let held: { batchId: string | undefined; answer: Promise<void> } | undefined;
  let now = startMs;
  const wakers: (() => void)[] = [];
  const quota = {
    async batchConsumeQuota({ requests, batchId }: { requests: { accountId: string }[]; batchId: string }) {
      if (away === "unreachable") throw new ServiceError("UNAVAILABLE");
      const decisions = requests.map(({ accountId }) => {
        used.set(accountId, (used.get(accountId) ?? 0) + 1);
        const count = BigInt(used.get(accountId) as number);
        return { refusedBy: 0, minuteUsed: count, dayUsed: count, minuteResetS: 30, dayResetS: 50_370 };
      });
      charged.add(batchId);
      if (held && (held.batchId ?? batchId) === batchId) await held.answer;
      if (away === "answer lost") throw new ServiceError("DEADLINE_EXCEEDED");
      return { decisions, decideTime: { seconds: BigInt(Math.floor(startMs / 1000)), nanos: 0 } };
    },
    async batchRefundQuota({ batchId, requests, places }: SentBatch & { places: number[] }) {
      if (away !== "no") throw new ServiceError("UNAVAILABLE");
      const isCharged = charged.delete(batchId);
      refunded.push({ batchId, places });
      for (const place of isCharged ? places : []) {
        const { accountId } = requests[place] as SentBatch["requests"][number];
        used.set(accountId, (used.get(accountId) ?? 0) - 1);
      }
      return { units: BigInt(isCharged ? places.length : 0) };
    },
    async batchRecordServed(request: (typeof reported)[number]) {
      if (away !== "no") throw new ServiceError("UNAVAILABLE");
      reported.push(request);
      for (const { accountId, admitted = 0n } of request.counts) {
        used.set(accountId, (used.get(accountId) ?? 0) + Number(admitted));
      }
      return { recorded: true };
    },
  };
  const charged = new Set<string>();
  let batches = 0;
  const consumeQuota = openQuotaClient({
    quota: quota as never,
    policy,
    timeoutMs: 1_000,
    batching: { batchItemsMax: 100, inFlightMax: 8, queuedItemsMax: 1_000 },
    newBatchId: () => `batch-${batches++}`,
    accountsMax: 10,
    closeMs: 100,
    clock: {
      now: () => now,
      monotonic: () => now,
      sleep: (_ms, signal) =>
        new Promise((resolve) => {
          wakers.push(resolve);
          signal?.addEventListener("abort", () => resolve());
        }),
    },
    metrics: {
      counter:
        (name) =>
        (labels, by = 1) => {
          const series = `${name} ${Object.values(labels ?? {}).join(" ")}`;
          seen[series] = (seen[series] ?? 0) + by;
        },
      duration: () => () => {},
      gauge: () => {},
    },
    closer,
    log,
  });
  return {
    consumeQuota,
    one: (accountId?: string, timeoutMs = 1_000) => consumeQuota(ask(accountId), { timeoutMs }),
    seen,
    reported,
    refunded,
    used,
    logged,
    /** Holds quota's answers, or the answer to one batch, until the returned function is called. */
    holdAnswers(batchId?: string) {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = { batchId, answer: promise };
      return resolve;
    },
    setAway: (value: typeof away) => (away = value),
    passTime: (ms: number) => (now += ms),
    /** Makes the client retry, and waits until it has done so. */
    async retry() {
      for (const wake of wakers.splice(0)) wake();
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
    close: () => closer.close(),
  };
}
const admittedOf = (reported: { counts: { admitted?: bigint }[] }[]) =>
  reported.flatMap(({ counts }) => counts.map(({ admitted }) => Number(admitted)));

describe("a call to quota", () => {
  it("holds requests of one cost and limits for each account and face, in their order", () => {
    const wider = { ...ask("b"), limits: { perMinute: 6, perDay: 100 } };
    const ofDashboard = { ...ask("a", 5), face: "dashboard" as const };
    const requests = [ask("a"), ask("b"), ask("a", 5), ask("a"), wider, ask("c", 7), ask("a", 5), ofDashboard];
    expect(splitIntoCalls(requests)).toEqual([
      [0, 1, 3, 5, 7],
      [2, 4, 6],
    ]);
  });
});

describe("requests that leave together in several calls", () => {
  it("are answered call by call, so that none runs out of time after it was charged", async () => {
    const { one, consumeQuota, holdAnswers, close } = manual("closed");
    const answer = holdAnswers("batch-1");
    const wider = { ...ask(), limits: { perMinute: 6, perDay: 100 } };
    const [first, held] = [one(), consumeQuota(wider, { timeoutMs: 60_000 })];
    expect((await first).refusedBy).toBe("none");
    answer();
    expect((await held).refusedBy).toBe("none");
    await close();
  });
});

describe("while quota cannot be reached and the policy is closed", () => {
  it("requests fail, and a metric counts them", async () => {
    const { one, seen, setAway } = manual("closed");
    setAway("unreachable");
    await expect(one()).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    expect(seen).toEqual({ "quota_unreachable_requests closed failed": 1 });
  });
});

describe("a request that was refused while quota charged it", () => {
  it("because its own time ran out is given back, and its batch's others are not", async () => {
    const { one, used, refunded, seen, holdAnswers, close } = manual("closed");
    const answer = holdAnswers();
    const [first, late, last] = [one(), one("a", 5), one()];
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    answer();
    await Promise.all([first, last]);
    await close();
    expect(refunded).toEqual([{ batchId: "batch-0", places: [1] }]);
    expect(used.get("a")).toBe(2);
    expect(seen["quota_refunds done"]).toBe(1);
  });

  it("because the answer was lost is given back as soon as quota can be reached", async () => {
    const { one, setAway, retry, used, refunded, close } = manual("closed");
    setAway("answer lost");
    await expect(Promise.all([one(), one("b")])).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    await retry();
    expect(refunded).toEqual([]);
    setAway("no");
    await retry();
    expect(refunded).toEqual([{ batchId: "batch-0", places: [0, 1] }]);
    expect([used.get("a"), used.get("b")]).toEqual([0, 0]);
    await close();
  });

  it("is given back by an edge that closes, and logged with its units if quota stays away", async () => {
    const back = manual("closed");
    const gone = manual("closed");
    for (const { one, setAway } of [back, gone]) {
      setAway("answer lost");
      await expect(one()).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    }
    back.setAway("no");
    await back.close();
    expect(back.used.get("a")).toBe(0);
    const closing = gone.close();
    gone.passTime(101);
    await gone.retry();
    await closing;
    expect(gone.logged.map(({ units }) => units)).toEqual([1]);
    expect(gone.seen["quota_refunds lost"]).toBe(1);
  });

  it("is given up once quota has forgotten it, and logged with its units", async () => {
    const { one, setAway, retry, passTime, refunded, logged, close } = manual("closed");
    setAway("answer lost");
    await expect(one()).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    passTime(241_000);
    setAway("no");
    await retry();
    expect(refunded).toEqual([]);
    expect(logged.map(({ units }) => units)).toEqual([1]);
    await close();
  });

  it("keeps quota from being asked while too many wait to be given back", async () => {
    const { one, setAway, retry, used, close } = manual("closed");
    setAway("answer lost");
    for (let round = 0; round < 100; round++) {
      await Promise.allSettled(Array.from({ length: 500 }, () => one()));
    }
    const before = used.get("a");
    await expect(one()).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    expect(used.get("a")).toBe(before);
    setAway("no");
    for (let round = 0; round < 100; round++) await retry();
    expect(used.get("a")).toBe(0);
    expect((await one()).refusedBy).toBe("none");
    await close();
  });
});

describe("while quota cannot be reached and the policy is open", () => {
  it("requests are served within the limits as they were known, and a metric counts them", async () => {
    const { one, seen, setAway, close } = manual("open");
    await one();
    await one();
    setAway("unreachable");
    const decisions = [await one(), await one(), await one(), await one()];
    expect(decisions.map(({ refusedBy }) => refusedBy)).toEqual(["none", "none", "none", "minute"]);
    expect(decisions[3]).toMatchObject({ minute: { used: 5, resetS: 30 }, day: { used: 5, resetS: 50_370 } });
    expect(seen).toEqual({ "quota_unreachable_requests open served": 3, "quota_unreachable_requests open refused": 1 });
    setAway("no");
    await close();
  });

  it("the dashboard and the API are decided and reported apart", async () => {
    const { consumeQuota, setAway, reported, close } = manual("open");
    setAway("unreachable");
    const decide = async (face: "api" | "dashboard", cost: number) =>
      (await consumeQuota({ ...ask("a", cost), face }, { timeoutMs: 1_000 })).refusedBy;
    expect([await decide("dashboard", 5), await decide("dashboard", 1), await decide("api", 1)]).toEqual([
      ...["none", "minute", "none"],
    ]);
    setAway("no");
    await close();
    const counts = reported.flatMap((one) => one.counts).map(({ face, admitted }) => [face, Number(admitted)]);
    expect(counts.filter(([, admitted]) => admitted)).toEqual([
      [Face.DASHBOARD, 5],
      [Face.UNSPECIFIED, 1],
    ]);
  });

  it("a new minute opens the minute's window and not the day's", async () => {
    const { one, setAway, passTime, close } = manual("open");
    setAway("unreachable");
    for (let i = 0; i < 5; i++) await one();
    passTime(30_000);
    expect(await one()).toMatchObject({ refusedBy: "none", minute: { used: 1 }, day: { used: 6 } });
    setAway("no");
    await close();
  });

  it("counts are reported once when it is back, and only then it is asked again", async () => {
    const { one, setAway, retry, reported, passTime, close } = manual("open");
    setAway("unreachable");
    for (let i = 0; i < 3; i++) await one();
    passTime(60_000);
    for (let i = 0; i < 2; i++) await one();
    await retry();
    expect(reported).toEqual([]);
    setAway("no");
    await retry();
    expect(admittedOf(reported)).toEqual([1, 2, 2]);
    expect(new Set(reported.map(({ batchId }) => batchId)).size).toBe(3);
    expect((await one()).minute.used).toBe(6);
    await retry();
    expect(reported).toHaveLength(3);
    await close();
  });

  it("a batch whose answer was lost is given back, and what was served is reported in its place", async () => {
    const { one, setAway, retry, used, reported, refunded, close } = manual("open");
    setAway("answer lost");
    await one();
    setAway("unreachable");
    await one();
    expect(used.get("a")).toBe(1);
    setAway("no");
    await retry();
    expect(refunded).toEqual([{ batchId: "batch-0", places: [0] }]);
    expect(admittedOf(reported)).toEqual([1, 1]);
    expect(used.get("a")).toBe(2);
    await close();
  });

  it("a request that is no longer waited for is neither served nor charged", async () => {
    const { one, setAway, retry, used, reported, holdAnswers, close } = manual("open");
    const answer = holdAnswers();
    const [late, served] = [one("a", 5), one("a")];
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    setAway("answer lost");
    answer();
    expect((await served).refusedBy).toBe("none");
    setAway("no");
    await retry();
    expect(admittedOf(reported)).toEqual([1]);
    expect(used.get("a")).toBe(1);
    await close();
  });

  it("is asked again although requests never stop coming", async () => {
    const { one, setAway, retry, reported, close } = manual("open");
    setAway("unreachable");
    await one();
    let stopped = false;
    const traffic = (async () => {
      while (!stopped) await one(`b${reported.length % 3}`);
    })();
    setAway("no");
    for (let round = 0; round < 3; round++) await retry();
    const before = reported.length;
    for (let round = 0; round < 3; round++) await retry();
    stopped = true;
    await traffic;
    expect(reported).toHaveLength(before);
    await close();
  });

  it("a batch that quota may have forgotten is not reported, so that it is never counted twice", async () => {
    const { one, setAway, retry, reported, passTime, close } = manual("open");
    setAway("unreachable");
    await one();
    passTime(241_000);
    setAway("no");
    await retry();
    expect(reported).toEqual([]);
    await close();
  });

  it("an answer of quota's that comes out of order does not take back what was counted", async () => {
    const local = createOfflineWindows({ accountsMax: 10 });
    const answer = (used: number) => ({
      refusedBy: "none" as const,
      minute: { limit: 5, used, resetS: 30 },
      day: { limit: 100, used, resetS: 50_370 },
      decidedAtMs: startMs,
    });
    local.learn("a", answer(4));
    local.learn("a", answer(2));
    expect(local.decide(ask(), startMs).minute.used).toBe(5);
    expect(local.decide(ask(), startMs).refusedBy).toBe("minute");
  });

  it("a closing edge reports what it has", async () => {
    const { one, setAway, reported, close } = manual("open");
    setAway("unreachable");
    await one();
    await one();
    setAway("no");
    await close();
    expect(admittedOf(reported)).toEqual([1, 1]);
  });
});
