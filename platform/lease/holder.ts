import type { Clock } from "../process/clock.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Acknowledgement, Broadcast, Grant, LeaseTimes, Renewal } from "./protocol.ts";

export interface LeaseHolderOptions {
  /** Identifier of this run of this process. */
  holder: string;
  times: Pick<LeaseTimes, "renewMs">;
  clock: Clock;
  /** Requests a renewal from the granter; rejects after `timeoutMs`. */
  renew(renewal: Renewal, options: { timeoutMs: number }): Promise<Grant>;
  /** Reports to a waiting change that its keys are evicted. The message may get lost. */
  acknowledge(acknowledgement: Acknowledgement): void;
  /** Evicts keys. Answers to loads of them in flight are not cached. */
  forget(keys: string[]): void;
  /** Evicts all keys. Answers to loads in flight are not cached. */
  reset(): void;
  log: Logger;
}

export interface LeaseHolder {
  /** Returns the end of the lease on the monotonic clock, in ms; an instant in the past without a lease. */
  leasedUntil(): number;
  /** Handles a broadcast that arrived over NATS. */
  receive(broadcast: Broadcast): void;
  /** Returns the last position applied; undefined before the first grant. */
  applied(): number | undefined;
  /** Renews the lease until closed. Resolves once it has ended. */
  run(): Promise<void>;
  /** Stops renewing and gives up the lease. */
  close(): void;
}

/** Minimum pause between renewals while each brings new entries, in ms. */
const breathMs = 10;
/** Timeout of one renewal, in ms. It leaves time for a second attempt at another replica. */
const renewalTimeoutMs = 1_000;

/** Creates a holder, which renews a lease, applies the log to a cache, and says how long the cache is valid. */
export function createLeaseHolder(options: LeaseHolderOptions): LeaseHolder {
  const { clock, times, log } = options;
  let applied: number | undefined;
  let logId = "";
  let changeId = "";
  let leasedUntil = Number.NEGATIVE_INFINITY;
  let renewals = 0;
  let closed = false;
  let failing = false;
  let gap = false;
  let pause = new AbortController();

  /** Renews once. Returns whether the grant must be acknowledged by another renewal at once. */
  async function renewOnce(): Promise<boolean> {
    // The lease starts here: the granter registers this holder later than this instant, and before it reads the log.
    const sentAt = clock.monotonic();
    const grant = await options.renew(
      { holder: options.holder, renewal: ++renewals, applied, logId, changeId },
      { timeoutMs: renewalTimeoutMs },
    );
    if (closed) return false;
    const news = apply(grant);
    leasedUntil = Math.max(leasedUntil, sentAt + grant.leaseMs);
    return news;
  }

  /** Renews once like `renewOnce`; logs the first failure and the first success after failures. */
  async function tryRenewal(): Promise<boolean> {
    try {
      const again = await renewOnce();
      if (failing) log.info("lease renewed again");
      failing = false;
      return again;
    } catch (error) {
      if (!failing && !closed) log.warn({ error }, "lease could not be renewed");
      failing = true;
      return false;
    }
  }

  function apply(grant: Grant): boolean {
    if (grant.keys === undefined) {
      options.reset();
      ({ position: applied, logId, changeId } = grant);
      return true;
    }
    options.forget(grant.keys);
    // A broadcast may have advanced this holder while the renewal was in flight.
    if (applied === undefined || grant.position >= applied) ({ position: applied, changeId } = grant);
    return grant.keys.length > 0;
  }

  function renewSoon(): void {
    gap = true;
    pause.abort();
  }

  return {
    leasedUntil: () => leasedUntil,
    applied: () => applied,
    receive(broadcast) {
      const { from, position, keys } = broadcast;
      if (keys) options.forget(keys);
      // Positions of another log do not count: of another suite, or from before a restore.
      if (applied === undefined || closed || broadcast.logId !== logId) return;
      // The same position may have another change before it: one that the database has lost.
      if (keys && from === applied + 1 && broadcast.previousChangeId === changeId)
        ({ position: applied, changeId } = broadcast);
      const isCurrent = position === applied && broadcast.changeId === changeId;
      // Names the change and not `applied`, which may be a position of a lost history. A granter of an earlier version does
      // not name it, and takes the position for all changes up to it.
      const isEvicted = broadcast.changeId === "" ? position <= applied : keys !== undefined || isCurrent;
      if (isEvicted) options.acknowledge({ position, logId, changeId: broadcast.changeId });
      if (position > applied || (position === applied && !isCurrent)) renewSoon();
    },
    async run() {
      let inARow = 0;
      while (!closed) {
        const startedAt = clock.monotonic();
        gap = false;
        const again = await tryRenewal();
        inARow = again || gap ? inARow + 1 : 0;
        if (closed) return;
        if (inARow === 1) continue;
        if (inARow > 1) {
          // During a stream of changes, renewals follow one another after a short pause.
          await clock.sleep(breathMs);
          continue;
        }
        pause = new AbortController();
        await clock.sleep(startedAt + times.renewMs - clock.monotonic(), pause.signal);
      }
    },
    close() {
      closed = true;
      leasedUntil = Number.NEGATIVE_INFINITY;
      pause.abort();
    },
  };
}
