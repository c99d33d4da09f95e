import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";

/** Maximum number of callers in memory; with more in a minute, all counts restart. */
const callersMax = 10_000;

/**
 * Returns a function that counts a caller's calls in the current minute, for calls that quota does not charge. It throws
 * RATE_LIMIT_MINUTE with `message` beyond `perMinuteMax`.
 */
export function createMinuteCounter(options: {
  message: string;
  perMinuteMax: number;
  clock: Pick<Clock, "now">;
}): (caller: string) => void {
  let minute = 0;
  let calls = new Map<string, number>();
  return (caller) => {
    const nowMs = options.clock.now();
    const now = Math.floor(nowMs / 60_000);
    if (now !== minute || calls.size >= callersMax) calls = new Map();
    minute = now;
    const count = (calls.get(caller) ?? 0) + 1;
    calls.set(caller, count);
    if (count > options.perMinuteMax) {
      const retryAfterS = 60 - Math.floor((nowMs % 60_000) / 1000);
      throw new ServiceError("RATE_LIMIT_MINUTE", options.message, { retryAfterS });
    }
  };
}
