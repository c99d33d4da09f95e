import { createSemaphore, type Slot } from "../../../platform/concurrency/semaphore.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";

/**
 * Limits each account to `inFlightMax` concurrent requests while more than one account is active; further requests wait in
 * FIFO order. An account that is the only active one has no limit.
 */
export interface FairQueue {
  /**
   * Acquires a slot of the account in FIFO order. Rejects with UNAVAILABLE at once if too many requests of the account
   * wait, and with DEADLINE_EXCEEDED if no slot becomes free in time.
   */
  acquire(accountId: string, options: { timeoutMs: number }): Promise<Slot>;
}

/** Time for which more than one account counts as active after two accounts called in turn, in ms. */
const sharedMs = 1_000;

export function createFairQueue(options: {
  /** Limits of one account while others are active: requests in flight, and requests that wait. */
  inFlightMax: number;
  queueMax: number;
  clock: Pick<Clock, "monotonic">;
  metrics: Metrics;
}): FairQueue {
  const { inFlightMax, queueMax, clock, metrics } = options;
  /** The account that called last, and the instant until which more than one counts as active. */
  let latest = "";
  let sharedUntil = 0;
  const semaphore = createSemaphore({
    max: Number.POSITIVE_INFINITY,
    keyMax: () => (clock.monotonic() < sharedUntil ? inFlightMax : Number.POSITIVE_INFINITY),
    queueMax,
  });
  const refused = metrics.counter("account_refused", "requests refused because too many of their account waited");
  metrics.gauge("account_waiting", "requests that wait for others of their account", () => semaphore.queued());

  return {
    async acquire(accountId, { timeoutMs }) {
      if (accountId !== latest) {
        if (latest !== "") sharedUntil = clock.monotonic() + sharedMs;
        latest = accountId;
      }
      try {
        return await semaphore.acquire(accountId, { timeoutMs });
      } catch (error) {
        if (!(error instanceof ServiceError && error.reason === "UNAVAILABLE")) throw error;
        refused();
        const message = "Too many requests of this account are in flight. Wait for answers before you send more.";
        throw new ServiceError("UNAVAILABLE", message, { retryAfterS: 1 });
      }
    },
  };
}
