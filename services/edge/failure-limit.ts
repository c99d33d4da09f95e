import { Failure } from "../../platform/errors.ts";
import { networkOf } from "../../platform/network.ts";

/** Addresses that are remembered at most; beyond, all are forgotten. */
const addressesMax = 10_000;
/** Keys of an address that are known again at most. */
const recentMax = 16;

/**
 * Bounds the unknown keys that one address may try in a minute. The few that come again and again count once, since they are
 * answered from memory: what is bounded is guessing, and asking auth for it.
 */
export function createFailureLimit({ perMinuteMax }: { perMinuteMax: number }) {
  let minute = 0;
  let tried = new Map<string, { count: number; recent: string[] }>();

  function current(address: string, nowMs: number) {
    const now = Math.floor(nowMs / 60_000);
    if (now !== minute || tried.size > addressesMax) tried = new Map();
    minute = now;
    // Most of the time nobody has tried anything, and nobody's network need be known.
    return tried.size > 0 ? tried.get(networkOf(address)) : undefined;
  }

  return {
    /** Fails with RATE_LIMIT_MINUTE if the address has tried too many unknown keys. */
    check(address: string, nowMs: number): void {
      if ((current(address, nowMs)?.count ?? 0) < perMinuteMax) return;
      const retryAfterS = 60 - Math.floor((nowMs % 60_000) / 1000);
      throw new Failure("RATE_LIMIT_MINUTE", "Too many unknown API keys from this address this minute.", {
        retryAfterS,
      });
    },
    /** Notes that a key, named by its hash, is not known. */
    note(address: string, hash: string, nowMs: number): void {
      const entry = current(address, nowMs);
      if (!entry) tried.set(networkOf(address), { count: 1, recent: [hash] });
      else if (!entry.recent.includes(hash)) {
        entry.count++;
        entry.recent = [hash, ...entry.recent.slice(0, recentMax - 1)];
      }
    },
  };
}
