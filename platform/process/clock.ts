import { uptime } from "node:os";

/** Time as a dependency: a monotonic clock for durations, a wall clock for dates. */
export interface Clock {
  /** Returns the milliseconds since the Unix epoch. */
  now(): number;
  /** Returns the milliseconds since a fixed instant of this process, with the time of suspends; never decreases. */
  monotonic(): number;
  /** Resolves after `ms`, or once the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Clocks of a machine, in ms. */
export interface MachineClocks {
  /** Stands still while the machine is suspended; never decreases. */
  steadyMs(): number;
  /** Goes on while the machine is suspended, and can be set. */
  wallMs(): number;
  /** Goes on while the machine is suspended. Takes 4 µs on Linux, forty times as long as the others. */
  uptimeMs(): number;
}

/** Longest suspend that may go unnoticed, in ms; below the margin of a lease. */
const unnoticedMs = 50;

/**
 * Creates a monotonic clock that also counts the time in which the machine was suspended, from the first reading after it on:
 * a lease must not outlive a suspend. Only a wall clock that moves against the steady one makes it read the uptime, which
 * tells a suspend from a wall clock that was set.
 */
export function createMonotonic({ steadyMs, wallMs, uptimeMs }: MachineClocks): () => number {
  let suspendedMs = 0;
  let wallLeadMs = wallMs() - steadyMs();
  let uptimeLeadMs = uptimeMs() - steadyMs();
  return () => {
    const now = steadyMs();
    const leadMs = wallMs() - now;
    if (Math.abs(leadMs - wallLeadMs) > unnoticedMs) {
      wallLeadMs = leadMs;
      const grownMs = uptimeMs() - now - uptimeLeadMs;
      if (Math.abs(grownMs) > unnoticedMs) uptimeLeadMs += grownMs;
      if (grownMs > unnoticedMs) suspendedMs += grownMs;
    }
    return now + suspendedMs;
  };
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: createMonotonic({
    steadyMs: () => performance.now(),
    wallMs: () => Date.now(),
    uptimeMs: () => uptime() * 1_000,
  }),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done);
    }),
};
