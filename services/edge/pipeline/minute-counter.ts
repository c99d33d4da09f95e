import { LRUCache } from "lru-cache";
import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { RateLimitKey } from "../../../platform/rate-limit-key.ts";

/** Maximum number of keys in memory; beyond it, the one that called least recently is forgotten. */
const keysMax = 10_000;

/**
 * Returns a function that counts a caller's calls in the current minute, for calls that quota does not charge. It throws
 * RATE_LIMIT_MINUTE with `message` if one of the caller's keys had `perMinuteMax` times its `times` calls already; a call
 * that is refused counts under none of them.
 */
export function createMinuteCounter(options: {
  message: string;
  perMinuteMax: number;
  clock: Pick<Clock, "now">;
}): (caller: RateLimitKey[]) => void {
  let minute = 0;
  const calls = new LRUCache<string, number>({ max: keysMax });
  return (caller) => {
    const nowMs = options.clock.now();
    const now = Math.floor(nowMs / 60_000);
    if (now !== minute) calls.clear();
    minute = now;
    if (caller.some(({ key, times }) => (calls.get(key) ?? 0) >= options.perMinuteMax * times)) {
      const retryAfterS = 60 - Math.floor((nowMs % 60_000) / 1000);
      throw new ServiceError("RATE_LIMIT_MINUTE", options.message, { retryAfterS });
    }
    for (const { key } of caller) calls.set(key, (calls.get(key) ?? 0) + 1);
  };
}
