import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConsumeRequest } from "../../../contracts/quota-rule.ts";
import type { QuotaService } from "../../../gen/qrforge/quota/v1/quota_pb.ts";
import { isUnavailable, ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { RpcClient } from "../../../platform/rpc/client.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { withRootContext } from "../../../platform/telemetry/tracing.ts";
import type { QuotaDecision } from "../pipeline/rate-limit-headers.ts";
import { createOfflineWindows, createTally, type ServedCount, type Tally } from "./offline-windows.ts";
import { batchKnownMs, type SentBatch } from "./quota-refunds.ts";

/** Decides and counts requests while quota is unavailable, and reports the counts once before quota is called again. */
export interface OfflineQuota {
  /** Returns whether quota is unavailable, so that requests are decided here. */
  isActive(): boolean;
  /** Resolves when the final report of counts is done. Requests wait for it, so that no further counts arise. */
  ready(): Promise<void>;
  /** Stores a decision of quota about a subject: an account over one face. */
  learn(subject: string, decision: QuotaDecision): void;
  /** Decides requests. Throws UNAVAILABLE if too many counts are unreported. */
  decide(requests: ConsumeRequest[]): QuotaDecision[];
  /**
   * Decides requests of a batch whose outcome at quota is unknown, and treats quota as unavailable from now on. When quota
   * is available again, the whole batch is refunded, if it was charged, and the decisions made here are reported instead.
   */
  decideUnknown(batch: SentBatch, requests: ConsumeRequest[]): QuotaDecision[];
  /** Reports the remaining counts, for at most `closeMs`; logs those that could not be reported. */
  close(closeMs: number): Promise<void>;
}

export interface OfflineQuotaOptions {
  quota: RpcClient<typeof QuotaService>;
  newBatchId(): string;
  /** Maximum number of accounts whose windows are in memory. */
  accountsMax: number;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
}

/** Retry interval while quota is unavailable, in ms. */
const retryMs = 250;
const reportTimeoutMs = 2_000;
/** Number of failures after which counts are dropped. */
const failuresMax = 20;
const countsPerCallMax = 1_000;
/** Maximum number of unreported counts, by key and minute; beyond it, requests are rejected. */
const unreportedCountsMax = 100_000;

interface Unreported {
  batchId: string;
  servedMs: number;
  counts: ServedCount[];
  /** The batch that quota may have charged for the same requests; it is refunded first. */
  unknown?: SentBatch | undefined;
  /** Number of failed reports for reasons other than unavailability. */
  failures: number;
}

export function openOfflineQuota(options: OfflineQuotaOptions): OfflineQuota {
  const { quota, clock, log } = options;
  const windows = createOfflineWindows({ accountsMax: options.accountsMax });
  /** Unreported counts, oldest first. */
  const unreported: Unreported[] = [];
  /** Counts of the current minute, not yet in `unreported`. */
  let gathering: { minute: number; servedMs: number; tally: Tally } | undefined;
  let recovering: Promise<void> | undefined;
  let handingOver: Promise<void> | undefined;
  const closing = new AbortController();
  const unreportedCounts = () =>
    unreported.reduce((sum, { counts }) => sum + counts.length, gathering?.tally.size() ?? 0);
  options.metrics.gauge(
    "quota_unreported_counts",
    "counts by key and minute that are to be reported to quota",
    unreportedCounts,
  );

  function decide(request: ConsumeRequest, nowMs: number, tally: Tally): QuotaDecision {
    const decision = windows.decide(request, nowMs);
    tally.add(request, decision);
    return decision;
  }

  function takeGathered(): void {
    const counts = gathering?.tally.counts() ?? [];
    const servedMs = gathering?.servedMs ?? 0;
    gathering = undefined;
    while (counts.length > 0) {
      const some = counts.splice(0, countsPerCallMax);
      unreported.push({ batchId: options.newBatchId(), servedMs, counts: some, failures: 0 });
    }
  }

  /** Reports counts, after refunding the batch that quota may have charged for the same requests. */
  async function send(one: Unreported, timeoutMs: number): Promise<void> {
    const { batchId, servedMs, counts, unknown } = one;
    if (unknown) {
      const places = [...unknown.requests.keys()];
      await quota.batchRefundQuota({ batchId: unknown.batchId, requests: unknown.requests, places }, { timeoutMs });
      one.unknown = undefined;
    }
    if (counts.length === 0) return;
    await quota.batchRecordServed({ batchId, serveTime: timestampFromMs(servedMs), counts }, { timeoutMs });
  }

  /** Reports the oldest counts; rejects if quota cannot accept them now. */
  async function reportUsage(one: Unreported, timeoutMs = reportTimeoutMs): Promise<void> {
    const lost = unitsOf([one]);
    if (one.unknown && clock.monotonic() - one.unknown.sentAt > batchKnownMs) {
      log.error({ lost }, "whether a batch was charged cannot be found out any more; it is not counted again");
    } else {
      try {
        await send(one, timeoutMs);
      } catch (error) {
        if (!isUnavailable(error)) one.failures++;
        const isRefused = error instanceof ServiceError && error.reason === "INVALID_REQUEST";
        if (!isRefused && one.failures < failuresMax) throw error;
        log.error({ error, lost }, "counts were refused by quota and are lost");
      }
    }
    unreported.shift();
  }

  /** Resolves when quota has received all counts, or when closing; from then on quota is called again. */
  async function recover(): Promise<void> {
    while (!closing.signal.aborted) {
      await clock.sleep(retryMs, closing.signal);
      try {
        while (unreported[0] && !closing.signal.aborted) await reportUsage(unreported[0]);
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

  /** Reports the remaining counts; no request is counted here during this. */
  async function handOver(): Promise<void> {
    try {
      takeGathered();
      while (unreported[0]) await reportUsage(unreported[0]);
      recovering = undefined;
    } finally {
      handingOver = undefined;
    }
  }

  return {
    isActive: () => recovering !== undefined,
    async ready() {
      await handingOver?.catch(() => undefined);
    },
    learn(subject, decision) {
      // Decisions made here in the meantime are newer.
      if (!recovering) windows.learn(subject, decision);
    },
    decide(requests) {
      const nowMs = clock.now();
      const minute = Math.floor(nowMs / 60_000);
      if (gathering?.minute !== minute) {
        takeGathered();
        gathering = { minute, servedMs: nowMs, tally: createTally() };
      }
      if (unreportedCounts() + requests.length > unreportedCountsMax) {
        throw new ServiceError("UNAVAILABLE", undefined, { retryAfterS: 1 });
      }
      const { tally } = gathering;
      return requests.map((request) => decide(request, nowMs, tally));
    },
    decideUnknown(batch, requests) {
      const servedMs = clock.now();
      const tally = createTally();
      const decisions = requests.map((request) => decide(request, servedMs, tally));
      unreported.push({ batchId: options.newBatchId(), servedMs, counts: tally.counts(), unknown: batch, failures: 0 });
      recovering ??= withRootContext(recover);
      return decisions;
    },
    async close(closeMs) {
      const end = clock.monotonic() + closeMs;
      closing.abort();
      await recovering;
      takeGathered();
      while (unreported[0] && clock.monotonic() < end) {
        await reportUsage(unreported[0], Math.max(1, end - clock.monotonic())).catch(() => clock.sleep(retryMs));
      }
      const lost = unitsOf(unreported);
      if (lost > 0) log.error({ lost }, "counts were lost: quota could not be reached");
    },
  };
}

/** Returns the sum of admitted units in these counts. */
function unitsOf(batches: Unreported[]): number {
  return batches.flatMap(({ counts }) => counts).reduce((sum, { admitted }) => sum + Number(admitted), 0);
}
