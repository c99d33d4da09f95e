import { ServiceError } from "../errors.ts";
import type { Clock } from "../process/clock.ts";
import { repeat } from "../process/loop.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Acknowledgement, Broadcast, Grant, LeaseTimes, LogEntries, Propagation, Renewal } from "./protocol.ts";

export interface HolderRow {
  holder: string;
  renewal: number;
  /** Last position of this log that the holder is known to have applied. */
  applied: number | undefined;
  /** Duration of its last lease, in ms. */
  leaseMs: number;
}

/** The holders, and the state of the log, in one snapshot. */
export interface Holders {
  rows: HolderRow[];
  /** Whether the database has lost the entries that were asked about. */
  isLost: boolean;
  /** Identifier of the log while leases may run whose registrations the database has lost; undefined if there are none. */
  unsettled: string | undefined;
}

/** Durable storage of the log and the holders, shared by all replicas of the granting service. */
export interface LeaseStore {
  /** Inserts or updates the holder's row. */
  register(renewal: Renewal, leaseMs: number): Promise<void>;
  /**
   * Returns, from one snapshot, the head of the log and the keys after the position that a holder has applied. The keys are
   * undefined if the log does not reach back to it, has another change there, or has more than `keysMax` keys after it.
   */
  read(renewal: Renewal, keysMax: number): Promise<Omit<Grant, "leaseMs">>;
  /** Returns all holders, and whether the log still has these entries. */
  holders(entries?: LogEntries): Promise<Holders>;
  /** Records that all leases from before the last start of the database server have expired. */
  settle(logId: string): Promise<void>;
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
  /** Records a holder's acknowledgement of a change, which arrives over NATS. */
  acknowledged(holder: string, acknowledgement: Acknowledgement): void;
  /**
   * Waits until a committed change can no longer be hidden by a cache: until each holder has applied its log entries, or
   * its lease has expired. Takes at most one lease and the margin. Call it after the commit. Throws UNAVAILABLE if the
   * database has lost the change meanwhile.
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
  const listeners = new Set<(holder: string, acknowledgement: Acknowledgement) => void>();
  const waitMs = (leaseMs: number) => leaseMs + times.marginMs;
  const closing = new AbortController();

  function acknowledged(holder: string, acknowledgement: Acknowledgement): void {
    for (const listener of listeners) listener(holder, acknowledgement);
  }

  async function propagate(entries: LogEntries): Promise<Propagation> {
    if (entries.keys.length === 0) return { acknowledged: 0, waitedOut: 0, elapsedMs: 0 };
    const startedAt = clock.monotonic();
    let until = startedAt + waitMs(times.leaseMs);
    const heard = new Set<string>();
    let wake = new AbortController();
    const listener = (holder: string, acknowledgement: Acknowledgement) => {
      if (!covers(acknowledgement, entries)) return;
      heard.add(holder);
      wake.abort();
    };
    listeners.add(listener);
    try {
      options.broadcast(entries.keys.length > keysMax ? { ...entries, keys: undefined } : entries);
      const first = await holdersBefore(entries, until);
      const rows = first?.rows ?? [];
      const waiting = new Set(rows.map(({ holder }) => holder));
      // A replica with other settings may have granted a longer lease.
      for (const { leaseMs } of rows) until = Math.max(until, startedAt + waitMs(leaseMs));
      // Without a list of all holders, waits for the whole time.
      const isComplete = first !== undefined && first.unsettled === undefined;
      let gone = 0;
      const settle = (holders: Holders | undefined) => {
        if (holders) for (const holder of appliedBy(holders, entries)) heard.add(holder);
        for (const holder of heard) waiting.delete(holder);
        if (holders) gone += dropGone(waiting, holders.rows);
      };
      settle(first);
      while ((waiting.size > 0 || !isComplete) && clock.monotonic() < until) {
        wake = new AbortController();
        await clock.sleep(Math.min(times.pollMs, until - clock.monotonic()), wake.signal);
        settle(first && !wake.signal.aborted ? await poll(entries, until) : undefined);
      }
      return {
        acknowledged: rows.length - waiting.size - gone,
        waitedOut: waiting.size,
        elapsedMs: clock.monotonic() - startedAt,
      };
    } finally {
      listeners.delete(listener);
    }
  }

  /** Returns the holders after the commit; undefined if they cannot be read before each lease has expired. */
  async function holdersBefore(entries: LogEntries, until: number): Promise<Holders | undefined> {
    while (clock.monotonic() < until) {
      const holders = await poll(entries, until);
      if (holders) return holders;
      await clock.sleep(times.pollMs);
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

  /** Returns the holders, with the positions that they reported to any replica; undefined if they cannot be read. */
  async function poll(entries: LogEntries, until: number): Promise<Holders | undefined> {
    try {
      return await inTime(store.holders(entries), until);
    } catch (error) {
      log.warn({ error }, "lease holders could not be read");
      return undefined;
    }
  }

  return {
    async renew(renewal) {
      const { holder, applied } = renewal;
      await store.register(renewal, times.leaseMs);
      const grant = await store.read(renewal, keysMax);
      if (applied !== undefined) acknowledged(holder, { ...renewal, position: applied });
      return { ...grant, leaseMs: times.leaseMs };
    },
    release: (holder) => store.release(holder),
    acknowledged,
    propagate,
    async run() {
      let before = new Map<string, number>();
      let unsettled: string | undefined;
      let pauseMs = waitMs(times.leaseMs);
      const message = "expired lease holders could not be removed; trying again later";
      await repeat({ intervalMs: () => pauseMs, closing: closing.signal, clock, log, message }, async () => {
        const { rows, ...now } = await store.holders();
        // Not renewed for a whole lease and the margin by this clock: the lease has expired, whatever the holder's clock says.
        for (const row of rows) if (before.get(row.holder) === row.renewal) await store.forget(row);
        // The same holds for leases whose registrations were lost before the round before.
        if (now.unsettled !== undefined && now.unsettled === unsettled) await store.settle(unsettled);
        unsettled = now.unsettled;
        before = new Map(rows.map((row) => [row.holder, row.renewal]));
        pauseMs = waitMs(Math.max(times.leaseMs, ...rows.map((row) => row.leaseMs)));
        await store.deleteExpired();
      });
    },
    close: () => closing.abort(),
  };
}

/** Returns whether an acknowledgement says that the holder has evicted the keys of these entries. */
function covers({ position, logId, changeId }: Acknowledgement, entries: LogEntries): boolean {
  if (logId !== entries.logId) return false;
  // Only the same change counts: a later position may be one of a history that the database has lost.
  if (changeId !== "") return position === entries.position && changeId === entries.changeId;
  return position >= entries.position;
}

/** Returns the holders that have applied these entries. Throws if the database has lost the entries. */
function appliedBy({ rows, isLost }: Holders, { position }: LogEntries): string[] {
  if (isLost) {
    const message = "the database has lost this change in a failover; repeat the request";
    throw new ServiceError("UNAVAILABLE", message, { retryAfterS: 1 });
  }
  return rows.filter(({ applied }) => applied !== undefined && applied >= position).map(({ holder }) => holder);
}

/** Stops waiting for holders without a row, which have released their lease or outlived it. Returns their number. */
function dropGone(waiting: Set<string>, rows: HolderRow[]): number {
  const present = new Set(rows.map(({ holder }) => holder));
  const gone = [...waiting].filter((holder) => !present.has(holder));
  for (const holder of gone) waiting.delete(holder);
  return gone.length;
}
