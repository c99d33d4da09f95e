import { fingerprint } from "../fingerprint.ts";
import type { Fault, Row } from "./check.ts";
import { newRun, type Run } from "./create.ts";

const prefix = "bulk:";
/** The service knows for 24 hours what it has answered; after that a batch would be made again. */
const keptMs = 23 * 3_600_000;

interface Note {
  id: string;
  startedAt: number;
  batchMax: number;
  faults: Fault[];
}

/**
 * Remembers runs that are not finished, so that the same file, chosen again after the page was closed, goes on: with the same
 * run id and the same refusals its batches are the same, and the service answers those that it knows without making them
 * again. Without storage (it may be full or forbidden) a run goes on only while the page is open.
 */
export function createUnfinishedRuns(storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined) {
  const nameOf = (text: string, projectId: string) => `${prefix}${fingerprint(`${projectId}\n${text}`)}-${text.length}`;

  function find(text: string, projectId: string, now: number): Note | undefined {
    try {
      const note = JSON.parse(storage?.getItem(nameOf(text, projectId)) ?? "null") as Note | null;
      const isKnown = note !== null && now - note.startedAt < keptMs && note.batchMax > 0;
      return isKnown ? note : undefined;
    } catch {
      // What cannot be read is as good as not there.
      return undefined;
    }
  }

  return {
    has: (text: string, projectId: string, now: number) => find(text, projectId, now) !== undefined,

    /** Returns the run that the file had begun, or a new one. */
    open(
      text: string,
      { projectId, batchMax }: Pick<Run, "projectId" | "batchMax">,
      rows: readonly Row[],
      now: number,
    ): Run & { startedAt: number } {
      const note = find(text, projectId, now);
      if (!note) return { ...newRun(projectId, batchMax), startedAt: now };
      const lines = new Set(note.faults.map(({ line }) => line));
      const refused = rows.filter(({ line }) => lines.has(line));
      return { ...newRun(projectId, note.batchMax), ...note, refused };
    },

    keep(text: string, run: Run & { startedAt: number }): void {
      const { id, startedAt, batchMax, faults } = run;
      const note: Note = { id, startedAt, batchMax, faults };
      try {
        storage?.setItem(nameOf(text, run.projectId), JSON.stringify(note));
      } catch {
        // Full or forbidden: the run goes on while the page is open.
      }
    },

    forget(text: string, projectId: string): void {
      storage?.removeItem(nameOf(text, projectId));
    },
  };
}
