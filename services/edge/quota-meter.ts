import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type QuotaService, Window } from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { createBatcher } from "../../platform/batcher.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Closer } from "../../platform/closer.ts";
import { Failure, isUnavailable } from "../../platform/errors.ts";
import type { Logger } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import type { RpcClient } from "../../platform/rpc/client.ts";
import { createLocalQuota, createTally, type MeterAsk, type ServedCount, type Tally } from "./local-quota.ts";
import type { AccountLimits, Metered } from "./rate-limit.ts";

/** Has a request charged, or tells which window has no room. */
export type Meter = (ask: MeterAsk, wait: { deadlineMs: number }) => Promise<Metered>;

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
const countsPerCallMax = 1_000;
/** Counts, by key and minute, that wait to be handed in at most; beyond, requests are refused. */
const owedCountsMax = 100_000;

interface Owed {
  batchId: string;
  servedMs: number;
  counts: ServedCount[];
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
  const closing = new AbortController();
  const waiting = () => owed.reduce((sum, { counts }) => sum + counts.length, gathering?.tally.size() ?? 0);
  options.metrics.gauge("quota_owed_counts", "counts by key and minute that are to be handed in to quota", waiting);

  async function ask(asks: MeterAsk[], batchId: string, deadlineMs: number): Promise<Metered[]> {
    const requests = asks.map(({ accountId, keyId, cost, limits }) => ({
      accountId,
      keyId,
      cost,
      limits: { perMinute: BigInt(limits.perMinute), perDay: BigInt(limits.perDay) },
    }));
    const { decisions, decideTime } = await quota.batchConsumeQuota({ requests, batchId }, { deadlineMs });
    const decidedAtMs = Number(decideTime?.seconds ?? 0) * 1000;
    return decisions.map((decision, index) => {
      const limits = asks[index]?.limits as AccountLimits;
      return {
        refusedBy: refusals[decision.refusedBy as keyof typeof refusals],
        minute: { limit: limits.perMinute, used: Number(decision.minuteUsed), resetS: decision.minuteResetS },
        day: { limit: limits.perDay, used: Number(decision.dayUsed), resetS: decision.dayResetS },
        decidedAtMs,
      };
    });
  }

  async function send(asks: MeterAsk[], { deadlineMs }: { deadlineMs: number }): Promise<Metered[]> {
    if (recovering) return decideHere(asks);
    const batchId = options.newBatchId();
    try {
      const decisions = await ask(asks, batchId, Math.min(deadlineMs, options.timeoutMs));
      if (policy === "open") {
        for (const [index, { accountId }] of asks.entries()) local.learn(accountId, decisions[index] as Metered);
      }
      return decisions;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      if (policy === "closed" || closing.signal.aborted) {
        unmetered({ policy, result: "refused" }, asks.length);
        throw error;
      }
      if (!recovering) log.warn({ error }, "quota cannot be reached: requests are served and counted here");
      // Whether this batch was charged is not known. Its counts are handed in under its id, and left out if it was.
      const servedMs = clock.now();
      const tally = createTally();
      const decisions = asks.map((one) => decide(one, servedMs, tally));
      owed.push({ batchId, servedMs, counts: tally.counts() });
      recovering ??= recover().finally(() => {
        recovering = undefined;
      });
      return decisions;
    }
  }

  function decide(ask: MeterAsk, nowMs: number, tally: Tally): Metered {
    const metered = local.decide(ask, nowMs);
    tally.add(ask, metered);
    unmetered({ policy, result: metered.refusedBy === "none" ? "served" : "refused" });
    return metered;
  }

  function decideHere(asks: MeterAsk[]): Metered[] {
    const nowMs = clock.now();
    const minute = Math.floor(nowMs / 60_000);
    if (gathering?.minute !== minute) {
      takeGathered();
      gathering = { minute, servedMs: nowMs, tally: createTally() };
    }
    if (waiting() + asks.length > owedCountsMax) {
      unmetered({ policy, result: "refused" }, asks.length);
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
      owed.push({ batchId: options.newBatchId(), servedMs, counts: counts.splice(0, countsPerCallMax) });
    }
  }

  /** Hands in the oldest counts; fails if quota cannot be reached. */
  async function handIn({ batchId, servedMs, counts }: Owed): Promise<void> {
    const serveTime = timestampFromMs(servedMs);
    try {
      await quota.batchRecordServed({ batchId, serveTime, counts }, { deadlineMs: handInDeadlineMs });
    } catch (error) {
      if (isUnavailable(error)) throw error;
      log.error({ error, lost: counts.length }, "counts were refused by quota and are lost");
    }
    owed.shift();
  }

  /** Resolves once quota has all that was counted here, or when closing; from then on it is asked again. */
  async function recover(): Promise<void> {
    while (!closing.signal.aborted) {
      await clock.sleep(retryMs, closing.signal);
      try {
        for (;;) {
          if (owed.length === 0) takeGathered();
          const [oldest] = owed;
          if (!oldest) {
            log.info("quota is back and has what was counted here");
            return;
          }
          await handIn(oldest);
        }
      } catch (error) {
        log.debug({ error }, "quota is still away");
      }
    }
  }

  options.closer.defer("quota meter", async () => {
    closing.abort();
    await recovering;
    takeGathered();
    const end = clock.monotonic() + options.closeMs;
    while (owed[0] && clock.monotonic() < end) {
      await handIn(owed[0]).catch(() => clock.sleep(retryMs));
    }
    if (owed.length > 0) log.error({ lost: waiting() }, "counts were lost: quota could not be reached");
  });

  return createBatcher<MeterAsk, Metered>({ ...options.batching, send });
}
