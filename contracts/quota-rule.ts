/** The rule by which requests are charged: quota decides by it, and an edge while quota cannot be reached. */

/** Limits of an account; 0 is unlimited. */
export interface Limits {
  perMinute: number;
  perDay: number;
}

/** What a request came through: the API, or the dashboard. An account has windows of its own for each. */
export type Face = "api" | "dashboard";

/** One request to charge, and the key that it came with. */
export interface ConsumeRequest {
  accountId: string;
  face: Face;
  keyId: string;
  cost: number;
  limits: Limits;
}

/** Units used in an account's windows. */
export interface Counts {
  minuteUsed: number;
  dayUsed: number;
}

/** A UTC minute and a UTC day, by their numbers since the Unix epoch. */
export interface WindowNumbers {
  minute: number;
  day: number;
}

/** Returns the name of the windows that a request is charged to. */
export function subjectOf({ accountId, face }: Pick<ConsumeRequest, "accountId" | "face">): string {
  return face === "api" ? accountId : `${accountId}.${face}`;
}

export type RefusedBy = "none" | "minute" | "day";

export const minuteS = 60;
export const dayS = 86_400;

/** Returns which window has no room for one more of this cost. If neither has, the day's: it opens last. */
export function refusedBy({ cost, limits }: { cost: number; limits: Limits }, counts: Counts): RefusedBy {
  if (limits.perDay > 0 && counts.dayUsed + cost > limits.perDay) return "day";
  if (limits.perMinute > 0 && counts.minuteUsed + cost > limits.perMinute) return "minute";
  return "none";
}

/** Returns the windows of a time in ms since the Unix epoch. */
export function windowsAt(ms: number): WindowNumbers {
  return { minute: Math.floor(ms / 1000 / minuteS), day: Math.floor(ms / 1000 / dayS) };
}

/**
 * How many minutes a window may be ahead of the time, after a clock has stepped back. One that is further ahead is of a
 * clock that was wrong, and would refuse requests until its time has come.
 */
export const aheadMinutesMax = 5;

/** Returns the windows that are charged at a time: those charged last, if they are of this time or slightly ahead of it. */
export function chargedWindows(now: WindowNumbers, last: WindowNumbers | undefined): WindowNumbers {
  const dayMax = Math.floor((now.minute + aheadMinutesMax) / (dayS / minuteS));
  const isMinute = last && last.minute >= now.minute && last.minute <= now.minute + aheadMinutesMax;
  const isDay = last && last.day >= now.day && last.day <= dayMax;
  return { minute: isMinute ? last.minute : now.minute, day: isDay ? last.day : now.day };
}

/** Returns the whole seconds from `nowMs` (rounded down to a second) until the windows of these numbers end. */
export function resetsIn(nowMs: number, windows: WindowNumbers): { minuteS: number; dayS: number } {
  const nowS = Math.floor(nowMs / 1000);
  return { minuteS: (windows.minute + 1) * minuteS - nowS, dayS: (windows.day + 1) * dayS - nowS };
}
