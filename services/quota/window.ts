/** Limits of an account; 0 is unlimited. */
export interface Limits {
  perMinute: number;
  perDay: number;
}

/** One request to charge. */
export interface Ask {
  accountId: string;
  cost: number;
  limits: Limits;
}

/** The windows of an account right after a decision. */
export interface Counts {
  minuteUsed: number;
  dayUsed: number;
}

export type RefusedBy = "none" | "minute" | "day";

export interface Decision extends Counts {
  refusedBy: RefusedBy;
}

/** Requests of one account with the same cost and limits, in a row; the unit that one statement decides. */
export interface Run {
  accountId: string;
  cost: number;
  asked: number;
  limits: Limits;
}

/** How a run was decided: how many of it were admitted, and the counts after the last of those. */
export interface RunOutcome extends Counts {
  admitted: number;
}

/**
 * Splits what is waiting into the next statement and the rest: for each account the longest row of equal requests from
 * its first one on, so that requests of one account are decided in their order. `members` has the places of each run.
 */
export function nextRuns(asks: Ask[]): { runs: Run[]; members: number[][]; rest: number[] } {
  const runs: Run[] = [];
  const members: number[][] = [];
  const rest: number[] = [];
  const indexOf = new Map<string, number>();
  const closed = new Set<string>();
  for (const [place, ask] of asks.entries()) {
    const index = indexOf.get(ask.accountId);
    if (index === undefined) {
      indexOf.set(ask.accountId, runs.length);
      runs.push({ accountId: ask.accountId, cost: ask.cost, asked: 1, limits: ask.limits });
      members.push([place]);
      continue;
    }
    const run = runs[index] as Run;
    const equal =
      run.cost === ask.cost && run.limits.perMinute === ask.limits.perMinute && run.limits.perDay === ask.limits.perDay;
    if (!equal || closed.has(ask.accountId)) {
      closed.add(ask.accountId);
      rest.push(place);
      continue;
    }
    run.asked++;
    members[index]?.push(place);
  }
  return { runs, members, rest };
}

/**
 * The decision of each request of a run, in order: the first `admitted` were charged one after the other, and the rest
 * found the counts as those left them.
 */
export function decisionsOf(run: Run, outcome: RunOutcome): Decision[] {
  return Array.from({ length: run.asked }, (_, place) => {
    if (place >= outcome.admitted) {
      return { refusedBy: refusedBy(run, outcome), minuteUsed: outcome.minuteUsed, dayUsed: outcome.dayUsed };
    }
    const later = (outcome.admitted - 1 - place) * run.cost;
    return { refusedBy: "none", minuteUsed: outcome.minuteUsed - later, dayUsed: outcome.dayUsed - later };
  });
}

/** Which window has no room for one more of this cost. If neither has, the day's: it opens last. */
export function refusedBy({ cost, limits }: { cost: number; limits: Limits }, counts: Counts): RefusedBy {
  if (limits.perDay > 0 && counts.dayUsed + cost > limits.perDay) return "day";
  if (limits.perMinute > 0 && counts.minuteUsed + cost > limits.perMinute) return "minute";
  return "none";
}

/** Whole seconds from `nowMs` (rounded down to a second) until the windows of these numbers end. */
export function resetsIn(nowMs: number, windows: { minute: number; day: number }): { minuteS: number; dayS: number } {
  const nowS = Math.floor(nowMs / 1000);
  return { minuteS: (windows.minute + 1) * 60 - nowS, dayS: (windows.day + 1) * 86_400 - nowS };
}
