import { Failure } from "../../platform/errors.ts";

/** Callers that are remembered at most; with more in a minute, the count begins anew. */
const callersMax = 10_000;

/**
 * Counts what each caller does in a minute and is charged for nowhere else. What is answered fails with RATE_LIMIT_MINUTE and
 * this message beyond `perMinuteMax`.
 */
export function createCallLimit(options: { message: string; perMinuteMax: number }): (caller: string) => void {
  let minute = 0;
  let calls = new Map<string, number>();
  return (caller) => {
    const now = Math.floor(Date.now() / 60_000);
    if (now !== minute || calls.size >= callersMax) calls = new Map();
    minute = now;
    const count = (calls.get(caller) ?? 0) + 1;
    calls.set(caller, count);
    if (count > options.perMinuteMax) {
      const retryAfterS = 60 - Math.floor((Date.now() % 60_000) / 1000);
      throw new Failure("RATE_LIMIT_MINUTE", options.message, { retryAfterS });
    }
  };
}
