/** Limits of an account; 0 is unlimited. */
export interface AccountLimits {
  perMinute: number;
  perDay: number;
}

/** What quota decided about a request, with the limits that it decided by; 0 is unlimited. */
export interface Metered {
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

function limited(metered: Metered): [string, number, WindowState][] {
  const windows: [string, number, WindowState][] = [
    ["minute", windowLengthS.minute, metered.minute],
    ["day", windowLengthS.day, metered.day],
  ];
  return windows.filter(([, , state]) => state.limit > 0);
}

/** Units left in a window, or null if it is unlimited. */
export function remaining(state: WindowState): number | null {
  return state.limit === 0 ? null : Math.max(0, state.limit - state.used);
}

/**
 * The headers of a metered answer, in the syntax of draft-ietf-httpapi-ratelimit-headers-10. A window without a limit
 * has no policy, so it is left out.
 */
export function rateLimitHeaders(metered: Metered): Record<string, string> {
  const windows = limited(metered);
  const headers: Record<string, string> = {};
  if (windows.length > 0) {
    headers["ratelimit-policy"] = windows.map(([name, w, { limit }]) => `"${name}";q=${limit};w=${w}`).join(", ");
    headers.ratelimit = windows
      .map(([name, , state]) => `"${name}";r=${remaining(state)};t=${state.resetS}`)
      .join(", ");
  }
  if (metered.refusedBy !== "none") headers["retry-after"] = String(metered[metered.refusedBy].resetS);
  return headers;
}
