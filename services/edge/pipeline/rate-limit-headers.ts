/** Quota's decision about a request, and the limits in force; 0 is unlimited. */
export interface QuotaDecision {
  refusedBy: "none" | "minute" | "day";
  minute: WindowState;
  day: WindowState;
  /** Time of the decision by the database's clock, in ms since the Unix epoch, rounded down to a second. */
  decidedAtMs: number;
}

export interface WindowState {
  limit: number;
  used: number;
  /** Whole seconds from `decidedAtMs` until the window ends. */
  resetS: number;
}

const windowLengthS = { minute: 60, day: 86_400 };

function limited(decision: QuotaDecision): [string, number, WindowState][] {
  const windows: [string, number, WindowState][] = [
    ["minute", windowLengthS.minute, decision.minute],
    ["day", windowLengthS.day, decision.day],
  ];
  return windows.filter(([, , state]) => state.limit > 0);
}

/** Returns the units left in a window, or null if it is unlimited. */
export function remaining(state: WindowState): number | null {
  return state.limit === 0 ? null : Math.max(0, state.limit - state.used);
}

/**
 * Returns the headers of a decision, in the syntax of draft-ietf-httpapi-ratelimit-headers-10. A window without a limit
 * has no policy, so it is omitted.
 */
export function rateLimitHeaders(decision: QuotaDecision): Record<string, string> {
  const windows = limited(decision);
  const headers: Record<string, string> = {};
  if (windows.length > 0) {
    headers["ratelimit-policy"] = windows.map(([name, w, { limit }]) => `"${name}";q=${limit};w=${w}`).join(", ");
    headers.ratelimit = windows
      .map(([name, , state]) => `"${name}";r=${remaining(state)};t=${state.resetS}`)
      .join(", ");
  }
  return headers;
}
