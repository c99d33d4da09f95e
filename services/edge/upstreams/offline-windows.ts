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

/** Units that a key used, in the form of BatchRecordServed. */
export interface ServedCount {
  accountId: string;
  keyId: string;
  admitted: bigint;
  refused: bigint;
}

/**
 * Stores the windows that one edge knows: quota's last decision on an account, plus the edge's own decisions since. Holds
 * at most `accountsMax` accounts, the most recently used ones; an unknown account starts with empty windows.
 */
export function createOfflineWindows({ accountsMax }: { accountsMax: number }) {
  const known = new LRUCache<string, Windows>({ max: accountsMax });

  return {
    /** Stores a decision of quota. Decisions may arrive out of order; a window's count never decreases. */
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

    /** Decides by the same rules as quota: charges both windows or neither. */
    decide({ accountId, cost, limits }: ConsumeRequest, nowMs: number): QuotaDecision {
      const before = known.get(accountId);
      const now = windowsAt(nowMs);
      // A window never moves back in time.
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

/** Sums counts by account and key. */
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
