/** Limits of an account; 0 is unlimited. */
export interface Limits {
  perMinute: number;
  perDay: number;
}

/** One request to charge, and the key that it came with. */
export interface Ask {
  accountId: string;
  keyId: string;
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

/** Requests of one account that are alike in cost and limits; the unit that one statement decides. */
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

/** Requests of one call in which those of an account are alike, so that one statement can decide them all. */
export interface Part {
  runs: Run[];
  /** For each run the places of its requests in the call. */
  members: number[][];
}

/**
 * Cuts a call into parts: the first kind (cost and limits) of request of each account is in the first part, an account's
 * second kind in the second, and so on. It depends on the requests alone, so that a repeated call is cut alike anywhere.
 */
export function cutParts(asks: Ask[]): Part[] {
  const parts: Part[] = [];
  /** For each account the places of its runs: one in each of the first parts. */
  const runsOf = new Map<string, number[]>();
  for (const [place, { accountId, cost, limits }] of asks.entries()) {
    let indexes = runsOf.get(accountId);
    if (!indexes) {
      indexes = [];
      runsOf.set(accountId, indexes);
    }
    let at = 0;
    while (at < indexes.length && !alike(parts[at]?.runs[indexes[at] as number] as Run, { cost, limits })) at++;
    if (at === parts.length) parts.push({ runs: [], members: [] });
    const { runs, members } = parts[at] as Part;
    if (at === indexes.length) {
      indexes.push(runs.length);
      runs.push({ accountId, cost, asked: 0, limits });
      members.push([]);
    }
    (runs[indexes[at] as number] as Run).asked++;
    members[indexes[at] as number]?.push(place);
  }
  return parts;
}

/** Whether requests of one account can be in one run. */
export function alike(a: Pick<Run, "cost" | "limits">, b: Pick<Run, "cost" | "limits">): boolean {
  return a.cost === b.cost && a.limits.perMinute === b.limits.perMinute && a.limits.perDay === b.limits.perDay;
}

/**
 * The decision of a run's request at a place: the first `admitted` were charged one after the other, and the rest found the
 * counts as those left them.
 */
export function decisionAt(place: number, run: Run, outcome: RunOutcome): Decision {
  if (place >= outcome.admitted) {
    return { refusedBy: refusedBy(run, outcome), minuteUsed: outcome.minuteUsed, dayUsed: outcome.dayUsed };
  }
  const later = (outcome.admitted - 1 - place) * run.cost;
  return { refusedBy: "none", minuteUsed: outcome.minuteUsed - later, dayUsed: outcome.dayUsed - later };
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
