/** Time as a dependency: a monotonic clock for durations, a wall clock for dates. */
export interface Clock {
  /** Returns the milliseconds since the Unix epoch. */
  now(): number;
  /** Returns the milliseconds since a fixed instant of this process; never decreases. */
  monotonic(): number;
  /** Resolves after `ms`, or once the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
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
