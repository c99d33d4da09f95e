import type { Logger } from "../telemetry/log.ts";
import type { Clock } from "./clock.ts";

export interface RepeatOptions {
  /** Pause before each run, in ms. A function is called before each pause. */
  intervalMs: number | (() => number);
  /** Ends the loop once aborted; a run that has begun is finished. */
  closing: AbortSignal;
  clock: Clock;
  log: Logger;
  /** Log message of a run that throws. */
  message: string;
}

/**
 * Runs `work` every `intervalMs`, first after one interval, until closing. A run that throws is logged as a warning and does
 * not end the loop. Runs never overlap.
 */
export async function repeat(options: RepeatOptions, work: () => Promise<unknown>): Promise<void> {
  const { intervalMs, closing, clock, log, message } = options;
  for (;;) {
    await clock.sleep(typeof intervalMs === "number" ? intervalMs : intervalMs(), closing);
    if (closing.aborted) return;
    try {
      await work();
    } catch (error) {
      log.warn({ error }, message);
    }
  }
}
