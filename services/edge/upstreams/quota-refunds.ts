import type { Face, QuotaService } from "../../../gen/qrforge/quota/v1/quota_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { RpcClient } from "../../../platform/rpc/client.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { withRootContext } from "../../../platform/telemetry/tracing.ts";

/** A batch that was sent to quota. */
export interface SentBatch {
  batchId: string;
  requests: {
    accountId: string;
    face: Face;
    keyId: string;
    cost: number;
    limits: { perMinute: bigint; perDay: bigint };
  }[];
  /** Time of sending on the monotonic clock, in ms. */
  sentAt: number;
}

/** Refunds, in the background, the charges of requests that were rejected before quota answered. */
export interface QuotaRefunds {
  /** Refunds the requests at the given positions of a batch; returns at once. */
  add(batch: SentBatch, places: number[]): void;
  /** Throws UNAVAILABLE while too many refunds wait for more requests to be charged. */
  throwIfFull(): void;
  /** Sends the remaining refunds, for at most `closeMs`; logs those that could not be sent. */
  close(closeMs: number): Promise<void>;
}

/** Time after sending during which a batch can be refunded, in ms: quota stores it for five minutes. */
export const batchKnownMs = 240_000;
const retryMs = 250;
const refundTimeoutMs = 2_000;
/** Maximum number of requests that wait for a refund, and of concurrent calls. */
const requestsMax = 50_000;
const inFlightMax = 8;

interface Refund {
  batch: SentBatch;
  places: number[];
  units: number;
}

export function openQuotaRefunds(options: {
  quota: Pick<RpcClient<typeof QuotaService>, "batchRefundQuota">;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
}): QuotaRefunds {
  const { quota, clock, log } = options;
  /** Waiting refunds, oldest first. */
  let pending: Refund[] = [];
  let requestsPending = 0;
  let draining: Promise<void> | undefined;
  const closing = new AbortController();
  const count = options.metrics.counter(
    "quota_refunds",
    "units of requests that were refused while quota charged them, by result",
  );
  options.metrics.gauge("quota_refunds_pending", "requests that are to be given back to quota", () => requestsPending);

  /** Sends one refund; returns whether it is settled. */
  async function send({ batch, places, units }: Refund, timeoutMs: number): Promise<boolean> {
    try {
      const { batchId, requests } = batch;
      const given = await quota.batchRefundQuota({ batchId, requests, places }, { timeoutMs });
      count({ result: "done" }, Number(given.units));
      return true;
    } catch (error) {
      const isRefused = error instanceof ServiceError && ["INVALID_REQUEST", "CONFLICT"].includes(error.reason);
      if (!isRefused) return false;
      log.error({ error, units }, "quota refused to give units back: they stay charged");
      count({ result: "lost" }, units);
      return true;
    }
  }

  /** Drops refunds of batches that quota no longer stores. */
  function dropForgotten(): void {
    const forgotten = pending.filter(({ batch }) => clock.monotonic() - batch.sentAt > batchKnownMs);
    if (forgotten.length === 0) return;
    remove(forgotten);
    lose(forgotten, "quota could not be reached in time to give units back: those that it charged stay charged");
  }

  function lose(refunds: Refund[], message: string): void {
    const units = refunds.reduce((sum, refund) => sum + refund.units, 0);
    count({ result: "lost" }, units);
    log.error({ units }, message);
  }

  function remove(settled: Refund[]): void {
    pending = pending.filter((refund) => !settled.includes(refund));
    for (const { places } of settled) requestsPending -= places.length;
  }

  /** Sends the oldest refunds; returns whether quota accepted all of them. */
  async function sendSome(timeoutMs: number): Promise<boolean> {
    const some = pending.slice(0, inFlightMax);
    const results = await Promise.all(some.map((refund) => send(refund, timeoutMs)));
    remove(some.filter((_, index) => results[index]));
    return results.every(Boolean);
  }

  async function drain(): Promise<void> {
    while (pending.length > 0 && !closing.signal.aborted) {
      dropForgotten();
      if (!(await sendSome(refundTimeoutMs))) await clock.sleep(retryMs, closing.signal);
    }
    draining = undefined;
  }

  return {
    add(batch, places) {
      const units = places.reduce((sum, place) => sum + (batch.requests[place]?.cost ?? 0), 0);
      pending.push({ batch, places, units });
      requestsPending += places.length;
      draining ??= withRootContext(drain);
    },
    throwIfFull() {
      if (requestsPending >= requestsMax) throw new ServiceError("UNAVAILABLE", undefined, { retryAfterS: 1 });
    },
    async close(closeMs) {
      const end = clock.monotonic() + closeMs;
      closing.abort();
      await draining;
      while (pending.length > 0 && clock.monotonic() < end) {
        if (!(await sendSome(Math.max(1, end - clock.monotonic())))) await clock.sleep(retryMs);
      }
      if (pending.length > 0)
        lose(pending, "quota could not be reached to give units back: those that it charged stay charged");
    },
  };
}
