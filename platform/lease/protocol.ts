/**
 * Caches that may be used under a lease only: the words that holder and granter exchange. docs/lease.md has the
 * algorithm and why it keeps its promise.
 */

export interface LeaseTimes {
  /** How long a lease runs from when its renewal was sent, in ms. */
  leaseMs: number;
  /** How often a holder renews, in ms. */
  renewMs: number;
  /** How much longer than a lease a change waits, for clocks that do not run at the same rate, in ms. */
  marginMs: number;
  /** How often a waiting change looks whether holders have renewed at other replicas, in ms. */
  pollMs: number;
}

export interface Renewal {
  holder: string;
  /** Counts the holder's renewals. */
  renewal: number;
  /** The last position that the holder has applied; undefined for none. */
  applied: number | undefined;
  /** The log that `applied` is a position of; empty with none. */
  logId: string;
}

export interface Grant {
  /** The position up to which the holder is up to date with this. */
  position: number;
  /** What to forget; undefined for everything. */
  keys: string[] | undefined;
  /** How long the lease runs from when the renewal was sent, in ms. */
  leaseMs: number;
  /** The log that `position` is a position of. */
  logId: string;
}

/** Entries just committed, at the positions `from` to `position`. */
export interface Broadcast {
  from: number;
  position: number;
  /** Undefined if they are too many to send. */
  keys: string[] | undefined;
  /** The log that they are in; empty for a hint outside any. */
  logId: string;
}

/** Positions that a change has taken in the log, and the keys there. */
export type LogEntries = Broadcast & { keys: string[] };

/** How a change reached the holders. */
export interface Propagation {
  acknowledged: number;
  waitedOut: number;
  elapsedMs: number;
}
