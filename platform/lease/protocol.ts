/**
 * Messages between the holder of a lease, whose cache is valid under the lease only, and its granter. docs/lease.md
 * describes the algorithm and proves it.
 */

export interface LeaseTimes {
  /** Duration of a lease from the sending of its renewal, in ms. */
  leaseMs: number;
  /** Interval of renewals, in ms. */
  renewMs: number;
  /** Extra time that a change waits beyond a lease, for clocks of unequal rate, in ms. */
  marginMs: number;
  /** Interval at which a waiting change checks for renewals at other replicas, in ms. */
  pollMs: number;
}

export interface Renewal {
  holder: string;
  /** Sequence number of the holder's renewals. */
  renewal: number;
  /** Last position that the holder has applied; undefined before the first grant. */
  applied: number | undefined;
  /** Identifier of the log of `applied`; empty without one. */
  logId: string;
  /** Identifier of the change at `applied`; empty if it is not known. */
  changeId: string;
}

export interface Grant {
  /** Position up to which this grant brings the holder. */
  position: number;
  /** Keys to evict; undefined for all keys. */
  keys: string[] | undefined;
  /** Duration of the lease from the sending of the renewal, in ms. */
  leaseMs: number;
  /** Identifier of the log of `position`. */
  logId: string;
  /** Identifier of the change at `position`; empty if it is not known. */
  changeId: string;
}

/** Log entries just committed, at the positions `from` to `position`. */
export interface Broadcast {
  from: number;
  position: number;
  /** Undefined if there are too many to send. */
  keys: string[] | undefined;
  /** Identifier of their log; empty for a hint, which is in no log. */
  logId: string;
  /** Identifier of the change that made these entries, which no other history of the log repeats. */
  changeId: string;
  /** Identifier of the change at the position before `from`; empty if it is not known. */
  previousChangeId: string;
}

/** A holder's report that it has evicted the keys of a change. */
export interface Acknowledgement {
  /** Last position of the change. */
  position: number;
  logId: string;
  /** Identifier of the change; empty for all changes up to `position`, from a holder of an earlier version. */
  changeId: string;
}

/** Log positions of a change, with their keys. */
export type LogEntries = Broadcast & { keys: string[] };

/** How a change reached the holders. */
export interface Propagation {
  acknowledged: number;
  waitedOut: number;
  elapsedMs: number;
}
