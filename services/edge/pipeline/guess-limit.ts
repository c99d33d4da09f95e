import { ServiceError } from "../../../platform/errors.ts";
import { rateLimitKey } from "../../../platform/rate-limit-key.ts";

/** Maximum number of addresses in memory; when it is exceeded, all are removed. */
const addressesMax = 10_000;
/** Maximum number of keys per address that are recognised when they are tried again. */
const recentMax = 16;

/** Limits how many unknown keys one address may try in a minute. Repeated attempts with the same few keys count once. */
export interface GuessLimit {
  /** Throws RATE_LIMIT_MINUTE if the address has tried too many unknown keys. */
  check(address: string, nowMs: number): void;
  /** Records that a key, identified by its hash, is unknown. */
  record(address: string, hash: string, nowMs: number): void;
}

export function createGuessLimit({ perMinuteMax }: { perMinuteMax: number }): GuessLimit {
  let minute = 0;
  let tried = new Map<string, { count: number; recent: string[] }>();

  function current(address: string, nowMs: number) {
    const now = Math.floor(nowMs / 60_000);
    if (now !== minute || tried.size > addressesMax) tried = new Map();
    minute = now;
    // Usually there are no attempts, and the address need not be parsed.
    return tried.size > 0 ? tried.get(rateLimitKey(address)) : undefined;
  }

  return {
    check(address, nowMs) {
      if ((current(address, nowMs)?.count ?? 0) < perMinuteMax) return;
      const retryAfterS = 60 - Math.floor((nowMs % 60_000) / 1000);
      throw new ServiceError("RATE_LIMIT_MINUTE", "Too many unknown API keys from this address this minute.", {
        retryAfterS,
      });
    },
    record(address, hash, nowMs) {
      const entry = current(address, nowMs);
      if (!entry) tried.set(rateLimitKey(address), { count: 1, recent: [hash] });
      else if (!entry.recent.includes(hash)) {
        entry.count++;
        entry.recent = [hash, ...entry.recent.slice(0, recentMax - 1)];
      }
    },
  };
}
