/** What quota decided about a request, with the limits that it decided by; 0 is unlimited. */
export interface QuotaDecision {
  refusedBy: "none" | "minute" | "day";
  minute: WindowState;
  day: WindowState;
  /** The database's time of the decision, in ms, rounded down to a second. */
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

/** Units left in a window, or null if it is unlimited. */
export function remaining(state: WindowState): number | null {
  return state.limit === 0 ? null : Math.max(0, state.limit - state.used);
}

/**
 * The headers of a decision answer, in the syntax of draft-ietf-httpapi-ratelimit-headers-10. A window without a limit
 * has no policy, so it is left out.
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
  if (decision.refusedBy !== "none") headers["retry-after"] = String(decision[decision.refusedBy].resetS);
  return headers;
}
