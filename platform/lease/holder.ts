import type { Clock } from "../process/clock.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Broadcast, Grant, LeaseTimes, Renewal } from "./protocol.ts";

export interface LeaseHolderOptions {
  /** Names this run of this process. */
  holder: string;
  times: Pick<LeaseTimes, "renewMs">;
  clock: Clock;
  /** Asks the granter; rejects if there is no answer within the deadline. */
  renew(renewal: Renewal, options: { timeoutMs: number }): Promise<Grant>;
  /** Tells those who wait for a change that it is applied. May get lost. */
  acknowledge(position: number, logId: string): void;
  /** Forgets the answers to these keys, and counts the questions about them that are under way as hit. */
  forget(keys: string[]): void;
  /** Forgets everything, and counts every question under way as hit. */
  reset(): void;
  log: Logger;
}

export interface LeaseHolder {
  /** Until when, on the monotonic clock, what is kept may be used; in the past if it may not. */
  leasedUntil(): number;
  /** Takes what came over NATS. */
  receive(broadcast: Broadcast): void;
  /** The last position applied; undefined before the first grant. */
  applied(): number | undefined;
  /** Renews from now on, until closed. Resolves when it has ended. */
  run(): Promise<void>;
  /** Ends renewing and gives up the lease. */
  close(): void;
}

/** The least time between renewals when each brings news, in ms. */
const breathMs = 10;
/** The longest that one renewal waits for its answer, in ms: with another replica there is time for a second try. */
const renewalTimeoutMs = 1_000;

/** Holds a lease: renews it, applies the log, and says whether the cache beside it may be used. */
export function createLeaseHolder(options: LeaseHolderOptions): LeaseHolder {
  const { clock, times, log } = options;
  let applied: number | undefined;
  let logId = "";
  let leasedUntil = Number.NEGATIVE_INFINITY;
  let renewals = 0;
  let closed = false;
  let failing = false;
  let gap = false;
  let pause = new AbortController();

  /** Renews once; tells whether the grant has to be acknowledged by another renewal at once. */
  async function renewOnce(): Promise<boolean> {
    // The lease counts from here: the granter has registered this holder at some later moment, before it read the log.
    const sentAt = clock.monotonic();
    const grant = await options.renew(
      { holder: options.holder, renewal: ++renewals, applied, logId },
      { timeoutMs: renewalTimeoutMs },
    );
    if (closed) return false;
    const news = apply(grant);
    leasedUntil = Math.max(leasedUntil, sentAt + grant.leaseMs);
    return news;
  }

  /** Renews once as `renewOnce` does, and logs when renewals begin to fail and when they succeed again. */
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
      applied = grant.position;
      logId = grant.logId;
      return true;
    }
    options.forget(grant.keys);
    // A broadcast may have brought this holder further while the renewal was under way.
    if (applied === undefined || grant.position > applied) applied = grant.position;
    return grant.keys.length > 0;
  }

  function renewSoon(): void {
    gap = true;
    pause.abort();
  }

  return {
    leasedUntil: () => leasedUntil,
    applied: () => applied,
    receive({ from, position, keys, logId: theirLog }) {
      if (keys) options.forget(keys);
      // What is in another log says nothing of this one: of a suite beside ours, or from before a restore.
      if (applied === undefined || closed || theirLog !== logId) return;
      if (keys && from === applied + 1) applied = position;
      if (position <= applied) options.acknowledge(applied, logId);
      else renewSoon();
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
          // Under a stream of changes a renewal follows the other, with a breath in between.
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
