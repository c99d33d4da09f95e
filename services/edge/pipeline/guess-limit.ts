import { LRUCache } from "lru-cache";
import { ServiceError } from "../../../platform/errors.ts";
import { rateLimitKeys } from "../../../platform/rate-limit-key.ts";

/** Maximum number of networks in memory; beyond it, the one that tried least recently is forgotten. */
const networksMax = 10_000;
/** Maximum number of keys per network that are recognised when they are tried again. */
const recentMax = 16;

/** Limits how many unknown keys one address may try in a minute. Repeated attempts with the same few keys count once. */
export interface GuessLimit {
  /** Throws RATE_LIMIT_MINUTE if the address, or its IPv6 /48, has tried too many unknown keys. */
  check(address: string, nowMs: number): void;
  /** Records that a key, identified by its hash, is unknown. */
  record(address: string, hash: string, nowMs: number): void;
}

export function createGuessLimit({ perMinuteMax }: { perMinuteMax: number }): GuessLimit {
  let minute = 0;
  const tried = new LRUCache<string, { count: number; recent: string[] }>({ max: networksMax });

  function startMinute(nowMs: number): void {
    const now = Math.floor(nowMs / 60_000);
    if (now !== minute) tried.clear();
    minute = now;
  }

  return {
    check(address, nowMs) {
      startMinute(nowMs);
      // Usually there are no attempts, and the address need not be parsed.
      if (tried.size === 0) return;
      const isLimited = rateLimitKeys(address).some(
        ({ key, times }) => (tried.get(key)?.count ?? 0) >= perMinuteMax * times,
      );
      if (!isLimited) return;
      const retryAfterS = 60 - Math.floor((nowMs % 60_000) / 1000);
      throw new ServiceError("RATE_LIMIT_MINUTE", "Too many unknown API keys from this address this minute.", {
        retryAfterS,
      });
    },
    record(address, hash, nowMs) {
      startMinute(nowMs);
      for (const { key } of rateLimitKeys(address)) {
        const { count, recent } = tried.get(key) ?? { count: 0, recent: [] };
        if (recent.includes(hash)) continue;
        tried.set(key, { count: count + 1, recent: [hash, ...recent.slice(0, recentMax - 1)] });
      }
    },
  };
}
