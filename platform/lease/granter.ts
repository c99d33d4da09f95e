import type { Clock } from "../process/clock.ts";
import { repeat } from "../process/loop.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Broadcast, Grant, LeaseTimes, LogEntries, Propagation, Renewal } from "./protocol.ts";

export interface HolderRow {
  holder: string;
  renewal: number;
  applied: number | undefined;
  /** How long a lease it was granted last, in ms. */
  leaseMs: number;
}

/** Where the log and the holders are kept, durably and for all replicas of the granting service. */
export interface LeaseStore {
  /** Writes the holder's row. */
  register(renewal: Renewal, leaseMs: number): Promise<void>;
  /**
   * Reads, in one snapshot, the head and the keys of the entries after what a holder has applied. The keys are undefined if the log
   * does not reach back to it, or holds more than `keysMax` after it.
   */
  read(renewal: Renewal, keysMax: number): Promise<{ position: number; keys: string[] | undefined; logId: string }>;
  /** All holders. */
  holders(): Promise<HolderRow[]>;
  /** Deletes a holder's row, if it has not renewed since it was read. */
  forget(row: HolderRow): Promise<void>;
  /** Deletes a holder's row. */
  release(holder: string): Promise<void>;
  /** Removes old entries from the log. */
  deleteExpired(): Promise<void>;
}

export interface LeaseGranterOptions {
  store: LeaseStore;
  times: Pick<LeaseTimes, "leaseMs" | "marginMs" | "pollMs">;
  clock: Clock;
  /** Sends to all holders; may get lost. */
  broadcast(broadcast: Broadcast): void;
  log: Logger;
}

export interface LeaseGranter {
  renew(renewal: Renewal): Promise<Grant>;
  release(holder: string): Promise<void>;
  /** Takes a holder's word, over NATS, that it has applied a position of a log. */
  acknowledged(holder: string, position: number, logId: string): void;
  /**
   * Call it once a change and its log entries are committed. Resolves when every holder of a lease has applied them, or
   * when no lease that was granted before them can still run: after a whole lease and a margin, at the latest.
   */
  propagate(entries: LogEntries): Promise<Propagation>;
  /** Removes holders that have gone, and old entries, from now on until closed. Resolves when it has ended. */
  run(): Promise<void>;
  close(): void;
}

/** Keys that one grant or broadcast carries at most; a holder that is further behind starts anew. */
export const keysMax = 1_000;

/** Grants leases, and makes changes wait for those who hold them. */
export function createLeaseGranter(options: LeaseGranterOptions): LeaseGranter {
  const { store, times, clock, log } = options;
  const listeners = new Set<(holder: string, position: number, logId: string) => void>();
  const waitMs = (leaseMs: number) => leaseMs + times.marginMs;
  const closing = new AbortController();

  function acknowledged(holder: string, position: number, logId: string): void {
    for (const listener of listeners) listener(holder, position, logId);
  }

  async function propagate(entries: LogEntries): Promise<Propagation> {
    if (entries.keys.length === 0) return { acknowledged: 0, waitedOut: 0, elapsedMs: 0 };
    const startedAt = clock.monotonic();
    let until = startedAt + waitMs(times.leaseMs);
    const heard = new Map<string, number>();
    let wake = new AbortController();
    const listener = (holder: string, position: number, logId = entries.logId) => {
      if (logId !== entries.logId) return;
      heard.set(holder, Math.max(position, heard.get(holder) ?? 0));
      wake.abort();
    };
    listeners.add(listener);
    try {
      options.broadcast(entries.keys.length > keysMax ? { ...entries, keys: undefined } : entries);
      const holders = await holdersBefore(until);
      const waiting = new Set(holders?.map(({ holder }) => holder));
      // A replica with other settings may have granted a longer lease.
      for (const { leaseMs } of holders ?? []) until = Math.max(until, startedAt + waitMs(leaseMs));
      let gone = 0;
      const settle = () => {
        for (const holder of waiting) if ((heard.get(holder) ?? 0) >= entries.position) waiting.delete(holder);
      };
      for (const { holder, applied = Number.NEGATIVE_INFINITY } of holders ?? []) listener(holder, applied);
      settle();
      // Without a list of holders there may be any: then only time tells.
      while ((waiting.size > 0 || !holders) && clock.monotonic() < until) {
        wake = new AbortController();
        await clock.sleep(Math.min(times.pollMs, until - clock.monotonic()), wake.signal);
        if (holders && !wake.signal.aborted) gone += await poll(waiting, listener, until);
        settle();
      }
      const acknowledged = (holders?.length ?? 0) - waiting.size - gone;
      return { acknowledged, waitedOut: waiting.size, elapsedMs: clock.monotonic() - startedAt };
    } finally {
      listeners.delete(listener);
    }
  }

  /** The holders as they are after the commit, or undefined if they cannot be read before every lease has run out. */
  async function holdersBefore(until: number): Promise<HolderRow[] | undefined> {
    while (clock.monotonic() < until) {
      try {
        return await inTime(store.holders(), until);
      } catch (error) {
        log.warn({ error }, "lease holders could not be read");
        await clock.sleep(times.pollMs);
      }
    }
    return undefined;
  }

  /** An answer of the store, unless it comes too late to be of use. */
  async function inTime<T>(answer: Promise<T>, until: number): Promise<T> {
    const over = new AbortController();
    const late = clock.sleep(Math.max(0, until - clock.monotonic()), over.signal).then(() => {
      throw new Error("the database did not answer in time");
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      late.catch(() => {});
      over.abort();
    }
  }

  /**
   * Looks what holders have told other replicas. A holder without a row has given its lease back or outlived it, and is
   * no longer waited for; tells how many those are.
   */
  async function poll(
    waiting: Set<string>,
    heard: (holder: string, position: number) => void,
    until: number,
  ): Promise<number> {
    try {
      const rows = await inTime(store.holders(), until);
      for (const { holder, applied } of rows) if (applied !== undefined) heard(holder, applied);
      const present = new Set(rows.map(({ holder }) => holder));
      const gone = [...waiting].filter((holder) => !present.has(holder));
      for (const holder of gone) waiting.delete(holder);
      return gone.length;
    } catch (error) {
      log.warn({ error }, "lease holders could not be read");
      return 0;
    }
  }

  return {
    async renew(renewal) {
      const { holder, applied } = renewal;
      await store.register(renewal, times.leaseMs);
      const { position, keys, logId } = await store.read(renewal, keysMax);
      if (applied !== undefined && applied <= position) acknowledged(holder, applied, renewal.logId);
      return { position, keys, leaseMs: times.leaseMs, logId };
    },
    release: (holder) => store.release(holder),
    acknowledged,
    propagate,
    async run() {
      let before = new Map<string, number>();
      let pauseMs = waitMs(times.leaseMs);
      const message = "expired lease holders could not be removed; trying again later";
      await repeat({ intervalMs: () => pauseMs, closing: closing.signal, clock, log, message }, async () => {
        const rows = await store.holders();
        // Unchanged for a whole lease and its margin on this clock: its lease has run out, whatever its own clock says.
        for (const row of rows) if (before.get(row.holder) === row.renewal) await store.forget(row);
        before = new Map(rows.map((row) => [row.holder, row.renewal]));
        pauseMs = waitMs(Math.max(times.leaseMs, ...rows.map((row) => row.leaseMs)));
        await store.deleteExpired();
      });
    },
    close: () => closing.abort(),
  };
}
