import { LRUCache } from "lru-cache";
import {
  type ConsumeRequest,
  type Counts,
  chargedWindows,
  dayS,
  type Face,
  minuteS,
  refusedBy,
  resetsIn,
  subjectOf,
  type WindowNumbers,
  windowsAt,
} from "../../../contracts/quota-rule.ts";
import { Face as FaceNumber } from "../../../gen/qrforge/quota/v1/quota_pb.ts";
import type { QuotaDecision } from "../pipeline/rate-limit-headers.ts";

/** Faces, by their numbers in quota's contract. */
export const faceNumbers: Record<Face, FaceNumber> = { api: FaceNumber.UNSPECIFIED, dashboard: FaceNumber.DASHBOARD };

/** Both windows of a subject: of an account over one face. */
type Windows = WindowNumbers & Counts;

/** Units that a key used, in the form of BatchRecordServed. */
export interface ServedCount {
  accountId: string;
  face: FaceNumber;
  keyId: string;
  admitted: bigint;
  refused: bigint;
}

/**
 * Stores the windows that one edge knows: quota's last decision on a subject, plus the edge's own decisions since. Holds
 * at most `accountsMax` subjects, the most recently used ones; an unknown one starts with empty windows.
 */
export function createOfflineWindows({ accountsMax }: { accountsMax: number }) {
  const known = new LRUCache<string, Windows>({ max: accountsMax });

  return {
    /** Stores a decision of quota. Decisions may arrive out of order; a window's count never decreases. */
    learn(subject: string, decision: QuotaDecision): void {
      const nowS = decision.decidedAtMs / 1000;
      const before = known.get(subject);
      const minute = Math.round((nowS + decision.minute.resetS) / minuteS) - 1;
      const day = Math.round((nowS + decision.day.resetS) / dayS) - 1;
      const current = chargedWindows({ minute, day }, before);
      if (current.minute > minute || current.day > day) return;
      known.set(subject, {
        minute,
        minuteUsed: Math.max(decision.minute.used, before?.minute === minute ? before.minuteUsed : 0),
        day,
        dayUsed: Math.max(decision.day.used, before?.day === day ? before.dayUsed : 0),
      });
    },

    /** Decides by the same rules as quota: charges both windows or neither. */
    decide(request: ConsumeRequest, nowMs: number): QuotaDecision {
      const { cost, limits } = request;
      const subject = subjectOf(request);
      const before = known.get(subject);
      const { minute, day } = chargedWindows(windowsAt(nowMs), before);
      let minuteUsed = before?.minute === minute ? before.minuteUsed : 0;
      let dayUsed = before?.day === day ? before.dayUsed : 0;
      const refused = refusedBy({ cost, limits }, { minuteUsed, dayUsed });
      if (refused === "none") {
        minuteUsed += cost;
        dayUsed += cost;
      }
      known.set(subject, { minute, minuteUsed, day, dayUsed });
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

/** Sums counts by subject and key. */
export function createTally() {
  const counts = new Map<string, ServedCount>();
  return {
    add(request: ConsumeRequest, { refusedBy }: QuotaDecision): void {
      const { accountId, keyId, cost } = request;
      const name = `${subjectOf(request)} ${keyId}`;
      const face = faceNumbers[request.face];
      const count = counts.get(name) ?? { accountId, face, keyId, admitted: 0n, refused: 0n };
      counts.set(name, count);
      if (refusedBy === "none") count.admitted += BigInt(cost);
      else count.refused += BigInt(cost);
    },
    size: () => counts.size,
    counts: () => [...counts.values()],
  };
}

export type Tally = ReturnType<typeof createTally>;
