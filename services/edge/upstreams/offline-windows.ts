import { LRUCache } from "lru-cache";
import {
  type ConsumeRequest,
  type Counts,
  dayS,
  minuteS,
  refusedBy,
  resetsIn,
  type WindowNumbers,
  windowsAt,
} from "../../../contracts/quota-rule.ts";
import type { QuotaDecision } from "../pipeline/rate-limit-headers.ts";

/** Both windows of an account. */
type Windows = WindowNumbers & Counts;

/** Units that a key used, as BatchRecordServed takes them. */
export interface ServedCount {
  accountId: string;
  keyId: string;
  admitted: bigint;
  refused: bigint;
}

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
      const before = known.get(accountId);
      const now = windowsAt(nowMs);
      // A window never runs backwards.
      const minute = Math.max(now.minute, before?.minute ?? 0);
      const day = Math.max(now.day, before?.day ?? 0);
      let minuteUsed = before?.minute === minute ? before.minuteUsed : 0;
      let dayUsed = before?.day === day ? before.dayUsed : 0;
      const refused = refusedBy({ cost, limits }, { minuteUsed, dayUsed });
      if (refused === "none") {
        minuteUsed += cost;
        dayUsed += cost;
      }
      known.set(accountId, { minute, minuteUsed, day, dayUsed });
      const resets = resetsIn(nowMs, { minute, day });
      return {
        refusedBy: refused,
        minute: { limit: limits.perMinute, used: minuteUsed, resetS: resets.minuteS },
        day: { limit: limits.perDay, used: dayUsed, resetS: resets.dayS },
        decidedAtMs: Math.floor(nowMs / 1000) * 1000,
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
