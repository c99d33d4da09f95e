import { LRUCache } from "lru-cache";
import type { AccountLimits, QuotaDecision } from "../pipeline/rate-limit-headers.ts";

/** A request to charge. */
export interface ConsumeRequest {
  accountId: string;
  keyId: string;
  cost: number;
  limits: AccountLimits;
}

/** Both windows of an account, named by their numbers since the Unix epoch. */
interface Windows {
  minute: number;
  minuteUsed: number;
  day: number;
  dayUsed: number;
}

/** Units that a key used, as BatchRecordServed takes them. */
export interface ServedCount {
  accountId: string;
  keyId: string;
  admitted: bigint;
  refused: bigint;
}

const minuteS = 60;
const dayS = 86_400;

/**
 * Keeps windows as one edge knows them by itself: quota's last decision on an account, and what was decided here since. For
 * at most `accountsMax` accounts, those used last; an account that is not known begins with empty windows.
 */
export function createOfflineWindows({ accountsMax }: { accountsMax: number }) {
  const known = new LRUCache<string, Windows>({ max: accountsMax });

  return {
    /** Takes over a decision of quota; decisions may come out of order, and a window never holds less than it did. */
    learn(accountId: string, decision: QuotaDecision): void {
      const nowS = decision.decidedAtMs / 1000;
      const before = known.get(accountId);
      const minute = Math.round((nowS + decision.minute.resetS) / minuteS) - 1;
      const day = Math.round((nowS + decision.day.resetS) / dayS) - 1;
      if (before && (minute < before.minute || day < before.day)) return;
      known.set(accountId, {
        minute,
        minuteUsed: Math.max(decision.minute.used, before?.minute === minute ? before.minuteUsed : 0),
        day,
        dayUsed: Math.max(decision.day.used, before?.day === day ? before.dayUsed : 0),
      });
    },

    /** Decides by the same rules as quota: both windows are charged or neither. */
    decide({ accountId, cost, limits }: ConsumeRequest, nowMs: number): QuotaDecision {
      const nowS = Math.floor(nowMs / 1000);
      const before = known.get(accountId);
      const minute = Math.max(Math.floor(nowS / minuteS), before?.minute ?? 0);
      const day = Math.max(Math.floor(nowS / dayS), before?.day ?? 0);
      let minuteUsed = before?.minute === minute ? before.minuteUsed : 0;
      let dayUsed = before?.day === day ? before.dayUsed : 0;
      const fits = (used: number, limit: number) => limit === 0 || used + cost <= limit;
      const refusedBy = !fits(dayUsed, limits.perDay) ? "day" : !fits(minuteUsed, limits.perMinute) ? "minute" : "none";
      if (refusedBy === "none") {
        minuteUsed += cost;
        dayUsed += cost;
      }
      known.set(accountId, { minute, minuteUsed, day, dayUsed });
      return {
        refusedBy,
        minute: { limit: limits.perMinute, used: minuteUsed, resetS: (minute + 1) * minuteS - nowS },
        day: { limit: limits.perDay, used: dayUsed, resetS: (day + 1) * dayS - nowS },
        decidedAtMs: nowS * 1000,
      };
    },
  };
}

/** Counts by account and key. */
export function createTally() {
  const counts = new Map<string, ServedCount>();
  return {
    add({ accountId, keyId, cost }: ConsumeRequest, { refusedBy }: QuotaDecision): void {
      const name = `${accountId} ${keyId}`;
      const count = counts.get(name) ?? { accountId, keyId, admitted: 0n, refused: 0n };
      counts.set(name, count);
      if (refusedBy === "none") count.admitted += BigInt(cost);
      else count.refused += BigInt(cost);
    },
    size: () => counts.size,
    counts: () => [...counts.values()],
  };
}

export type Tally = ReturnType<typeof createTally>;
