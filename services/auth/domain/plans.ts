import type { FieldIssue } from "../../../platform/errors.ts";

export type PlanName = "free" | "pro" | "enterprise";

/** Requests in a UTC minute and day; 0 is unlimited. */
export interface PlanLimits {
  perMinute: number;
  perDay: number;
}

/** The limits of the plans that have no limits of the account's own. */
export const fixedLimits: Record<Exclude<PlanName, "enterprise">, PlanLimits> = {
  free: { perMinute: 60, perDay: 1_000 },
  pro: { perMinute: 600, perDay: 50_000 },
};
const perMinuteMax = 1_000_000_000;
const perDayMax = 1_000_000_000_000;

/** Returns how many keys of an account may be active at once. */
export function activeKeysMax(plan: PlanName): number {
  return plan === "enterprise" ? Number.POSITIVE_INFINITY : 1;
}

/** Codes that each plan allows to be active at once; 0 is unlimited. */
const activeCodes: Record<PlanName, bigint> = { free: 1_000n, pro: 50_000n, enterprise: 0n };

/** Returns how many codes of an account may be active at once; 0 is unlimited. */
export function activeCodesMax(plan: PlanName): bigint {
  return activeCodes[plan];
}

/** Returns the limits of an account on a plan, or what is wrong with the limits that were requested for it. */
export function limitsOf(
  plan: PlanName,
  requested: PlanLimits | undefined,
): { limits: PlanLimits } | { issues: FieldIssue[] } {
  if (plan !== "enterprise") {
    if (requested) return { issues: [{ field: "limits", issue: `are fixed on the ${plan} plan; leave them out` }] };
    return { limits: fixedLimits[plan] };
  }
  const limits = requested ?? { perMinute: 0, perDay: 0 };
  const issues: FieldIssue[] = [];
  if (limits.perMinute < 0 || limits.perMinute > perMinuteMax) {
    issues.push({ field: "limits.per_minute", issue: `must be from 0 (unlimited) to ${perMinuteMax}` });
  }
  if (limits.perDay < 0 || limits.perDay > perDayMax) {
    issues.push({ field: "limits.per_day", issue: `must be from 0 (unlimited) to ${perDayMax}` });
  }
  return issues.length > 0 ? { issues } : { limits };
}

/** Returns an e-mail address in the form in which it is stored; undefined if the text is none. */
export function normalizeEmail(email: string): string | undefined {
  const trimmed = email.trim().toLowerCase();
  return trimmed.length <= 254 && /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+\.[^\s@\p{Cc}]+$/u.test(trimmed) ? trimmed : undefined;
}
