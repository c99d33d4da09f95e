import type { Clock } from "../../../platform/process/clock.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Upstreams } from "../upstreams/clients.ts";

const timeoutMs = 1_000;
const retryMs = 5_000;
const dayMs = 86_400_000;

/** Fetches the salt of each day from qr, once a day. */
export function createVisitorSalts(options: { scans: Upstreams["scans"]; clock: Clock; log: Logger }) {
  const { scans, clock, log } = options;
  let known: { date: string; salt: Uint8Array } | undefined;
  let retryAt = 0;
  function forget(date: string): void {
    if (known?.date === date) known = undefined;
  }
  return {
    /** Returns the salt of the current day; undefined if qr is unavailable or the time is on another day. */
    async of(timeMs: number): Promise<Uint8Array | undefined> {
      const date = new Date(timeMs).toISOString().slice(0, 10);
      if (known?.date === date) return known.salt;
      if (date < new Date(clock.now()).toISOString().slice(0, 10) || clock.monotonic() < retryAt) return undefined;
      try {
        const { salt } = await scans.getVisitorSalt({ date }, { timeoutMs });
        known = { date, salt };
        // Deletes the salt when its day ends, even if there are no further scans.
        setTimeout(forget, dayMs - (clock.now() % dayMs), date).unref();
        return salt;
      } catch (error) {
        log.warn({ error }, "visitors cannot be told apart: the day's salt was not to be had");
        retryAt = clock.monotonic() + retryMs;
        return undefined;
      }
    },
  };
}

export type VisitorSalts = ReturnType<typeof createVisitorSalts>;
