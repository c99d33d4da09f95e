import type { HolderRow, Holders } from "../../platform/lease/granter.ts";
import type { Grant, LogEntries, Renewal } from "../../platform/lease/protocol.ts";

/** What is on disk. */
interface State {
  /** Versions of the keys. Each number is given once, also if it was lost. */
  versions: Map<string, number>;
  rows: Map<string, HolderRow>;
  log: { position: number; key: string; changeId: string }[];
  head: number;
  trimmed: number;
  /** Which loss must still be settled. */
  unsettled: string | undefined;
}

const logId = "log";

/** The statements of the lease store, each of which takes effect at once, on a database that can lose its last commits. */
export function createDatabase(options: { looseLog: boolean }) {
  let state: State = {
    versions: new Map(),
    rows: new Map(),
    log: [{ position: 0, key: "", changeId: "start" }],
    head: 0,
    trimmed: 0,
    unsettled: undefined,
  };
  /** What was there at the start and before each commit, except for commits that are lost. */
  const past: { changeId: string; before: State }[] = [{ changeId: "start", before: copy(state) }];
  const lost = new Set<string>();
  let losses = 0;
  let versionsGiven = 0;

  const changeIdAt = (position: number) => state.log.find((entry) => entry.position === position)?.changeId ?? "";
  const isKnown = (position: number, changeId: string) =>
    position <= state.head && (changeId === "" || changeId === changeIdAt(position));

  return {
    versionOf: (key: string) => state.versions.get(key) ?? 0,
    isRegistered: (holder: string) => state.rows.has(holder),
    isLost: (changeId: string) => lost.has(changeId),
    takePosition: () => ++state.head,

    /** Commits a change at the next position, or at one that was taken before. */
    commit(key: string, changeId: string, taken?: number): { entries: LogEntries; version: number } {
      if (taken === undefined) past.push({ changeId, before: copy(state) });
      const position = taken ?? ++state.head;
      const version = ++versionsGiven;
      const previousChangeId = changeIdAt(position - 1);
      state.versions.set(key, version);
      state.log.push({ position, key, changeId });
      return { entries: { from: position, position, keys: [key], logId, changeId, previousChangeId }, version };
    },

    /**
     * Loses the last commits of changes and all statements after them, as a failover to a standby does that lacks them;
     * everything since the start if there were fewer.
     */
    lose(commits: number): void {
      const gone = past.splice(Math.max(0, past.length - commits));
      state = gone[0]?.before as State;
      if (past.length === 0) past.push({ changeId: "start", before: copy(state) });
      for (const { changeId } of gone) lost.add(changeId);
      state.unsettled = `loss ${++losses}`;
    },

    trim(): void {
      state.log = state.log.filter(({ position }) => position >= state.head);
      state.trimmed = state.head;
    },

    register({ holder, renewal, applied, changeId }: Renewal, leaseMs: number): void {
      const before = state.rows.get(holder);
      const known = applied !== undefined && isKnown(applied, changeId) ? applied : undefined;
      state.rows.set(holder, {
        holder,
        leaseMs,
        renewal: Math.max(renewal, before?.renewal ?? 0),
        applied: known === undefined ? before?.applied : Math.max(known, before?.applied ?? 0),
      });
    },

    read({ applied: after, changeId }: Renewal, keysMax: number): Omit<Grant, "leaseMs"> {
      const { log, head, trimmed } = state;
      const entries = log.filter(({ position }) => position > (after ?? 0)).sort((a, b) => a.position - b.position);
      const keys = entries.map(({ key }) => key);
      if (options.looseLog) {
        // What a log on a plain sequence can see: the entries that happen to be committed.
        const position = Math.max(...log.map((entry) => entry.position));
        return { position, keys: after === undefined ? undefined : keys, logId, changeId: changeIdAt(position) };
      }
      const reaches = after !== undefined && after >= trimmed && isKnown(after, changeId) && keys.length <= keysMax;
      return { position: head, keys: reaches ? keys : undefined, logId, changeId: changeIdAt(head) };
    },

    holders(entries?: LogEntries): Holders {
      const { rows, trimmed, unsettled } = state;
      const isLost =
        entries !== undefined && trimmed < entries.position && !isKnown(entries.position, entries.changeId);
      return { rows: [...rows.values()], isLost, unsettled };
    },

    settle(unsettled: string): void {
      if (state.unsettled === unsettled) state.unsettled = undefined;
    },

    forget({ holder, renewal }: HolderRow): void {
      if (state.rows.get(holder)?.renewal === renewal) state.rows.delete(holder);
    },

    release: (holder: string) => void state.rows.delete(holder),
  };
}

/** Copies what a statement alters: rows and entries are replaced as a whole. */
function copy(state: State): State {
  return { ...state, versions: new Map(state.versions), rows: new Map(state.rows), log: [...state.log] };
}
