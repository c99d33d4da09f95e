import { Failure } from "../../platform/errors.ts";

/** Addresses that are remembered at most; with more in a minute, the count begins anew. */
const addressesMax = 10_000;

/**
 * Counts what each address does in a minute and needs no key for. What is answered fails with RATE_LIMIT_MINUTE beyond
 * `perMinuteMax`, saying so of `what`, a plural.
 */
export function createCallLimit(options: { what: string; perMinuteMax: number }): (address: string) => void {
  let minute = 0;
  let calls = new Map<string, number>();
  return (address) => {
    const now = Math.floor(Date.now() / 60_000);
    if (now !== minute || calls.size >= addressesMax) calls = new Map();
    minute = now;
    const count = (calls.get(address) ?? 0) + 1;
    calls.set(address, count);
    if (count > options.perMinuteMax) {
      const retryAfterS = 60 - Math.floor((Date.now() % 60_000) / 1000);
      throw new Failure("RATE_LIMIT_MINUTE", `Too many ${options.what} from this address this minute.`, {
        retryAfterS,
      });
    }
  };
}
