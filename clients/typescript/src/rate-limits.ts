/** What is left of one window of the account. A window without a limit is not listed. */
export interface RateLimit {
  /** Name of the window: `minute` or `day`; a later version of the API may have others. */
  window: string;
  /** Units that the window allows; undefined if the response does not say. */
  limit: number | undefined;
  remaining: number;
  /** Time until the window ends, in ms. */
  resetMs: number;
}

/** Reads the headers RateLimit and RateLimit-Policy of a response. */
export function readRateLimits(headers: Headers): RateLimit[] {
  const policies = new Map(readItems(headers.get("ratelimit-policy")));
  return readItems(headers.get("ratelimit")).flatMap(([window, { r, t }]) =>
    r === undefined ? [] : [{ window, limit: policies.get(window)?.q, remaining: r, resetMs: (t ?? 0) * 1_000 }],
  );
}

/** Reads a list of strings with integer parameters, such as `"minute";r=599;t=41, "day";r=49999;t=52341` (RFC 9651). */
function readItems(header: string | null): [string, Record<string, number>][] {
  return [...(header ?? "").matchAll(/"([^"]*)"((?:\s*;\s*[a-z][a-z0-9_]*=\d+)*)/g)].map(
    ([, name = "", parameters = ""]) => [
      name,
      Object.fromEntries(
        [...parameters.matchAll(/([a-z][a-z0-9_]*)=(\d+)/g)].map(([, key, value]) => [key, Number(value)]),
      ),
    ],
  );
}
