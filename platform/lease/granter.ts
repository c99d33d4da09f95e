import type { Clock } from "../process/clock.ts";
import { repeat } from "../process/loop.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Broadcast, Grant, LeaseTimes, LogEntries, Propagation, Renewal } from "./protocol.ts";

export interface HolderRow {
  holder: string;
  renewal: number;
  applied: number | undefined;
  /** Duration of its last lease, in ms. */
  leaseMs: number;
}

/** Durable storage of the log and the holders, shared by all replicas of the granting service. */
export interface LeaseStore {
  /** Inserts or updates the holder's row. */
  register(renewal: Renewal, leaseMs: number): Promise<void>;
  /**
   * Returns, from one snapshot, the head of the log and the keys after the position that a holder has applied. The keys are
   * undefined if the log does not reach back to it, or has more than `keysMax` after it.
   */
  read(renewal: Renewal, keysMax: number): Promise<{ position: number; keys: string[] | undefined; logId: string }>;
  /** Returns all holders. */
  holders(): Promise<HolderRow[]>;
  /** Deletes a holder's row, unless the holder has renewed since the row was read. */
  forget(row: HolderRow): Promise<void>;
  /** Deletes a holder's row. */
  release(holder: string): Promise<void>;
  /** Deletes old log entries. */
  deleteExpired(): Promise<void>;
}

export interface LeaseGranterOptions {
  store: LeaseStore;
  times: Pick<LeaseTimes, "leaseMs" | "marginMs" | "pollMs">;
  clock: Clock;
  /** Sends to all holders. The message may get lost. */
  broadcast(broadcast: Broadcast): void;
  log: Logger;
}

export interface LeaseGranter {
  renew(renewal: Renewal): Promise<Grant>;
  release(holder: string): Promise<void>;
  /** Records that a holder has applied a position of a log, as it reports over NATS. */
  acknowledged(holder: string, position: number, logId: string): void;
  /**
   * Waits until a committed change can no longer be hidden by a cache: until each holder has applied its log entries, or
   * its lease has expired. Takes at most one lease and the margin. Call it after the commit.
   */
  propagate(entries: LogEntries): Promise<Propagation>;
  /** Deletes expired holders and old log entries until closed. Resolves once it has ended. */
  run(): Promise<void>;
  close(): void;
}

/** Maximum number of keys in a grant or broadcast; a holder further behind evicts all keys. */
export const keysMax = 1_000;

/** Creates a granter, which grants leases and makes changes wait for their holders. */
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
      // Without the list of holders, wait for the whole time.
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

  /** Returns the holders after the commit; undefined if they cannot be read before each lease has expired. */
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

  /** Returns an answer of the store; rejects at the instant `until`. */
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
   * Reads the positions that holders reported to other replicas. A holder without a row has released its lease or outlived
   * it, and is no longer waited for. Returns the number of those.
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
        // Not renewed for a whole lease and the margin by this clock: the lease has expired, whatever the holder's clock says.
        for (const row of rows) if (before.get(row.holder) === row.renewal) await store.forget(row);
        before = new Map(rows.map((row) => [row.holder, row.renewal]));
        pauseMs = waitMs(Math.max(times.leaseMs, ...rows.map((row) => row.leaseMs)));
        await store.deleteExpired();
      });
    },
    close: () => closing.abort(),
  };
}
