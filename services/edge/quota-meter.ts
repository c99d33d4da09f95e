import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type QuotaDecision as QuotaDecisionMessage,
  type QuotaService,
  Window,
} from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { createBatcher } from "../../platform/batcher.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Closer } from "../../platform/closer.ts";
import { Failure, isUnavailable } from "../../platform/errors.ts";
import type { Logger } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import type { RpcClient } from "../../platform/rpc/client.ts";
import { detached } from "../../platform/tracing.ts";
import { createLocalQuota, createTally, type MeterAsk, type ServedCount, type Tally } from "./local-quota.ts";
import type { AccountLimits, QuotaDecision } from "./pipeline/rate-limit-headers.ts";

/** Has a request charged, or tells which window has no room. */
export type Meter = (ask: MeterAsk, wait: { deadlineMs: number }) => Promise<QuotaDecision>;

export interface QuotaMeterOptions {
  quota: RpcClient<typeof QuotaService>;
  /** What happens while quota cannot be reached: requests are refused, or served and counted here. */
  policy: "closed" | "open";
  timeoutMs: number;
  batching: { batchItemsMax: number; inFlightMax: number; queuedItemsMax: number };
  newBatchId(): string;
  /** Accounts whose windows are remembered for the time without quota, at most. */
  accountsMax: number;
  /** How long a closing edge tries to hand in what it counted, in ms. */
  closeMs: number;
  clock: Clock;
  metrics: Metrics;
  closer: Closer;
  log: Logger;
}

const refusals = { [Window.UNSPECIFIED]: "none", [Window.MINUTE]: "minute", [Window.DAY]: "day" } as const;
/** How often quota is tried while it is away. */
const retryMs = 250;
const handInDeadlineMs = 2_000;
/** Calls for one batch at most: what was charged is not charged again, and another replica may be well. */
const attemptsMax = 3;
/** Requests of other costs than 1 that one call carries at most: quota takes no more different ones of an account. */
const bulkItemsMax = 16;
/** After this long quota may have forgotten a batch's id, so its counts cannot be handed in under it any more. */
const batchKnownMs = 240_000;
/** Failures after which counts are given up. */
const failuresMax = 20;
const countsPerCallMax = 1_000;
/** Counts, by key and minute, that wait to be handed in at most; beyond, requests are refused. */
const owedCountsMax = 100_000;

interface Owed {
  batchId: string;
  servedMs: number;
  counts: ServedCount[];
  /** On the monotonic clock: when the batch was sent to be charged, if it was. */
  sentAt?: number;
  /** How often quota has failed to take it for another reason than being away. */
  failures: number;
}

/**
 * Has requests charged by quota, in batches. While quota cannot be reached the policy decides. If that is `open`, the edge
 * decides from the windows it knew last, and hands in what it counted, once, before it asks quota again.
 */
export function openQuotaMeter(options: QuotaMeterOptions): Meter {
  const { quota, policy, clock, log } = options;
  const unmetered = options.metrics.counter(
    "quota_unreachable_requests",
    "requests that quota could not decide, by policy and result",
  );
  const local = createLocalQuota({ accountsMax: options.accountsMax });
  /** To be handed in, oldest first. */
  const owed: Owed[] = [];
  /** What is counted in the running minute, not yet in `owed`. */
  let gathering: { minute: number; servedMs: number; tally: Tally } | undefined;
  let recovering: Promise<void> | undefined;
  /** While the last counts are handed in, requests wait, so that there is a last. */
  let handingOver: Promise<void> | undefined;
  const closing = new AbortController();
  const waiting = () => owed.reduce((sum, { counts }) => sum + counts.length, gathering?.tally.size() ?? 0);
  options.metrics.gauge("quota_owed_counts", "counts by key and minute that are to be handed in to quota", waiting);

  async function ask(asks: MeterAsk[], batchId: string): Promise<QuotaDecision[]> {
    const end = clock.monotonic() + options.timeoutMs;
    const requests = asks.map(({ accountId, keyId, cost, limits }) => ({
      accountId,
      keyId,
      cost,
      limits: { perMinute: BigInt(limits.perMinute), perDay: BigInt(limits.perDay) },
    }));
    for (let attempt = 1; ; attempt++) {
      try {
        const wait = { deadlineMs: end - clock.monotonic() };
        const { decisions, decideTime } = await quota.batchConsumeQuota({ requests, batchId }, wait);
        const decidedAtMs = Number(decideTime?.seconds ?? 0) * 1000;
        return decisions.map((decision, index) => toMetered(decision, asks[index] as MeterAsk, decidedAtMs));
      } catch (error) {
        const again = error instanceof Failure && error.reason === "UNAVAILABLE" && clock.monotonic() < end;
        if (!again || attempt === attemptsMax) throw error;
      }
    }
  }

  async function send(asks: MeterAsk[]): Promise<QuotaDecision[]> {
    await handingOver?.catch(() => undefined);
    if (recovering !== undefined) return decideHere(asks);
    const batchId = options.newBatchId();
    const sentAt = clock.monotonic();
    try {
      const decisions = await ask(asks, batchId);
      // What was decided here meanwhile is newer.
      if (policy === "open" && !recovering) {
        for (const [index, { accountId }] of asks.entries()) local.learn(accountId, decisions[index] as QuotaDecision);
      }
      return decisions;
    } catch (error) {
      if (!isUnavailable(error) || policy === "closed" || closing.signal.aborted) throw error;
      if (!recovering) log.warn({ error }, "quota cannot be reached: requests are served and counted here");
      // Whether this batch was charged is not known. Its counts are handed in under its id, and left out if it was.
      const servedMs = clock.now();
      const tally = createTally();
      const decisions = asks.map((one) => decide(one, servedMs, tally));
      owed.push({ batchId, servedMs, counts: tally.counts(), sentAt, failures: 0 });
      recovering ??= detached(recover);
      return decisions;
    }
  }

  function decide(ask: MeterAsk, nowMs: number, tally: Tally): QuotaDecision {
    const metered = local.decide(ask, nowMs);
    tally.add(ask, metered);
    unmetered({ policy, result: metered.refusedBy === "none" ? "served" : "refused" });
    return metered;
  }

  function decideHere(asks: MeterAsk[]): QuotaDecision[] {
    const nowMs = clock.now();
    const minute = Math.floor(nowMs / 60_000);
    if (gathering?.minute !== minute) {
      takeGathered();
      gathering = { minute, servedMs: nowMs, tally: createTally() };
    }
    if (waiting() + asks.length > owedCountsMax) {
      throw new Failure("UNAVAILABLE", undefined, { retryAfterS: 1 });
    }
    const { tally } = gathering;
    return asks.map((one) => decide(one, nowMs, tally));
  }

  function takeGathered(): void {
    const counts = gathering?.tally.counts() ?? [];
    const servedMs = gathering?.servedMs ?? 0;
    gathering = undefined;
    while (counts.length > 0) {
      owed.push({ batchId: options.newBatchId(), servedMs, counts: counts.splice(0, countsPerCallMax), failures: 0 });
    }
  }

  /** Hands in the oldest counts; fails if quota cannot take them now. */
  async function handIn(one: Owed, deadlineMs = handInDeadlineMs): Promise<void> {
    const { batchId, servedMs, counts, sentAt } = one;
    const lost = counts.reduce((sum, { admitted }) => sum + Number(admitted), 0);
    if (sentAt !== undefined && clock.monotonic() - sentAt > batchKnownMs) {
      log.error({ lost }, "whether a batch was charged cannot be found out any more; it is not counted again");
    } else {
      try {
        await quota.batchRecordServed({ batchId, serveTime: timestampFromMs(servedMs), counts }, { deadlineMs });
      } catch (error) {
        if (!isUnavailable(error)) one.failures++;
        const isRefused = error instanceof Failure && error.reason === "INVALID_REQUEST";
        if (!isRefused && one.failures < failuresMax) throw error;
        log.error({ error, lost }, "counts were refused by quota and are lost");
      }
    }
    owed.shift();
  }

  /** Resolves once quota has all that was counted here, or when closing; from then on it is asked again. */
  async function recover(): Promise<void> {
    while (!closing.signal.aborted) {
      await clock.sleep(retryMs, closing.signal);
      try {
        while (owed[0] && !closing.signal.aborted) await handIn(owed[0]);
        if (closing.signal.aborted) return;
        handingOver = handOver();
        await handingOver;
        log.info("quota is back and has what was counted here");
        return;
      } catch (error) {
        log.debug({ error }, "quota is still away");
      }
    }
  }

  /** Hands in what is left; nothing is counted here meanwhile. */
  async function handOver(): Promise<void> {
    try {
      takeGathered();
      while (owed[0]) await handIn(owed[0]);
      recovering = undefined;
    } finally {
      handingOver = undefined;
    }
  }

  options.closer.defer("quota meter", async () => {
    const end = clock.monotonic() + options.closeMs;
    closing.abort();
    await recovering;
    takeGathered();
    while (owed[0] && clock.monotonic() < end) {
      await handIn(owed[0], Math.max(1, end - clock.monotonic())).catch(() => clock.sleep(retryMs));
    }
    const lost = owed.flatMap(({ counts }) => counts).reduce((sum, { admitted }) => sum + Number(admitted), 0);
    if (lost > 0) log.error({ lost }, "counts were lost: quota could not be reached");
  });

  const batched = createBatcher<MeterAsk, QuotaDecision>({ ...options.batching, send });
  const bulk = createBatcher<MeterAsk, QuotaDecision>({ ...options.batching, batchItemsMax: bulkItemsMax, send });
  return async (ask, wait) => {
    try {
      return await (ask.cost === 1 ? batched(ask, wait) : bulk(ask, wait));
    } catch (error) {
      if (isUnavailable(error)) unmetered({ policy, result: "failed" });
      throw error;
    }
  };
}

export function toMetered(
  decision: QuotaDecisionMessage,
  { limits }: { limits: AccountLimits },
  decidedAtMs: number,
): QuotaDecision {
  return {
    refusedBy: refusals[decision.refusedBy as keyof typeof refusals],
    minute: { limit: limits.perMinute, used: Number(decision.minuteUsed), resetS: decision.minuteResetS },
    day: { limit: limits.perDay, used: Number(decision.dayUsed), resetS: decision.dayResetS },
    decidedAtMs,
  };
}
