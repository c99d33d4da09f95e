import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { useUnsaved } from "../components/unsaved.tsx";
import { messages } from "../messages.ts";
import type { Row } from "./check.ts";
import { batchSize, createCodes, type Run } from "./create.ts";
import { createUnfinishedRuns } from "./unfinished.ts";

export type RunPhase = "none" | "running" | "pausing" | "paused" | "done";

function openStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    // Forbidden by the browser's settings.
    return undefined;
  }
}

/** Creates the codes of a file, with pause and stop; leaving the page while it does asks first. */
export function useRun(text: string, rows: readonly Row[], perMinute: number | null) {
  const queries = useQueryClient();
  const unfinished = useMemo(() => createUnfinishedRuns(openStorage()), []);
  const run = useRef<Run & { startedAt: number }>(undefined);
  const control = useRef({ isPausing: false, controller: new AbortController() });
  const [phase, setPhase] = useState<RunPhase>("none");
  const [error, setError] = useState<Error>();
  const [counts, setCounts] = useState({ made: 0, refused: 0 });
  /** When it goes on, in ms since the Unix epoch, while the account's limit lets it wait. */
  const [waitsUntil, setWaitsUntil] = useState<number>();
  const isBusy = phase === "running" || phase === "pausing";

  useUnsaved(isBusy, messages.bulk.underWay);
  // What is in flight when the page is left is found again by its idempotency key.
  useEffect(() => () => control.current.controller.abort(), []);

  async function goOn(): Promise<void> {
    const current = run.current;
    if (!current) return;
    control.current = { isPausing: false, controller: new AbortController() };
    const { signal } = control.current.controller;
    setPhase("running");
    setError(undefined);
    const note = () => {
      setWaitsUntil(undefined);
      setCounts({ made: current.made.length, refused: current.refused.length });
    };
    try {
      await createCodes(rows, current, {
        signal,
        isPaused: () => control.current.isPausing,
        onWait: (ms) => setWaitsUntil(Date.now() + ms),
        onChange() {
          unfinished.keep(text, current);
          note();
        },
      });
      const isDone = current.made.length + current.refused.length === rows.length;
      if (isDone) unfinished.forget(text, current.projectId);
      setPhase(isDone ? "done" : "paused");
    } catch (failure) {
      if (signal.aborted) return;
      setError(failure as Error);
      setPhase("paused");
    }
    note();
    await queries.invalidateQueries({ queryKey: ["codes"] });
  }

  return {
    phase,
    error,
    counts,
    waitsUntil,
    /** Undefined before the first start. */
    run: run.current,
    hasUnfinished: (projectId: string) => unfinished.has(text, projectId, Date.now()),
    start(projectId: string): Promise<void> {
      run.current = unfinished.open(text, { projectId, batchMax: batchSize(perMinute) }, rows, Date.now());
      // Noted before the first batch is sent: its answer may be the one that is lost.
      unfinished.keep(text, run.current);
      return goOn();
    },
    goOn,
    /** Lets the batch that is under way end first. */
    pause(): void {
      control.current.isPausing = true;
      setPhase("pausing");
    },
    /** Ends a run that is paused. */
    stop: () => setPhase("done"),
  };
}
