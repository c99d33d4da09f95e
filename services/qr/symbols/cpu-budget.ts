import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";

/** Limits the CPU time of drawings by account and minute, since requests that cost the same differ a thousandfold in it. */
export interface CpuBudget {
  /** Throws RATE_LIMIT_MINUTE if the account has used its time of this minute. */
  check(accountId: string): void;
  /** Adds time that an account has used, in ms. */
  add(accountId: string, ms: number): void;
}

export function createCpuBudget(options: { msPerMinuteMax: number; clock: Pick<Clock, "now"> }): CpuBudget {
  let minute = 0;
  // Bounded by the drawings that threads can do in a minute.
  let used = new Map<string, number>();

  function usedNow(): Map<string, number> {
    const now = Math.floor(options.clock.now() / 60_000);
    if (now !== minute) used = new Map();
    minute = now;
    return used;
  }

  return {
    check(accountId) {
      if ((usedNow().get(accountId) ?? 0) < options.msPerMinuteMax) return;
      const retryAfterS = 60 - Math.floor((options.clock.now() % 60_000) / 1000);
      const message =
        "This account has used its drawing time of this minute. Wait, or draw fewer symbols and simpler logos.";
      throw new ServiceError("RATE_LIMIT_MINUTE", message, { retryAfterS });
    },
    add(accountId, ms) {
      const accounts = usedNow();
      accounts.set(accountId, (accounts.get(accountId) ?? 0) + ms);
    },
  };
}
