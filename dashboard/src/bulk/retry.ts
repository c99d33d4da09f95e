import { ApiError } from "../api.ts";

const triesMax = 6;
const firstWaitMs = 500;
/** The edge counts calls by the minute. */
const waitMaxMs = 61_000;

const isPassing = ({ status }: ApiError) => status === 0 || status === 429 || status >= 500;

/**
 * Does some work again after failures that pass, when the edge says so or after ever longer waits; a failure that lasts for
 * more than a minute is thrown. Calls `onWait` before each wait with its length. `signal` ends a wait.
 */
export async function withRetries<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  onWait?: (ms: number) => void,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiError) || !isPassing(error) || tries === triesMax) throw error;
      const waitMs = error.retryAfterS === undefined ? firstWaitMs * 2 ** (tries - 1) : error.retryAfterS * 1_000;
      if (waitMs > waitMaxMs) throw error;
      onWait?.(waitMs);
      await pause(waitMs, signal);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
