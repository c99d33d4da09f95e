import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import { monthOf } from "../domain/spans.ts";
import type { Store } from "../store/qr-codes.ts";
import type { Retention, ScanStore } from "../store/scans.ts";

const roundMs = 60_000;

/**
 * Makes the months' partitions ahead of time and removes what is over its time, every minute until closed. Resolves once
 * the running month's partition is there, if it can be made.
 */
export async function startRetention(options: {
  store: Pick<Store, "deleteExpired">;
  scans: ScanStore;
  retention: Retention;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): Promise<void> {
  const { store, scans, clock, log } = options;
  /** One failure does not keep the other things from being done. */
  const attempt = (what: string, work: () => Promise<unknown>) =>
    work().catch((error) => log.warn({ error, what }, "retention job failed; trying again later"));

  async function ensureMonths(): Promise<void> {
    const { first, next } = monthOf(clock.now());
    await scans.ensureMonth(first, next);
    await scans.ensureMonth(next, monthOf(next.getTime()).next);
  }
  async function run(closing: AbortSignal): Promise<void> {
    while (!closing.aborted) {
      await attempt("salts", () => scans.destroySalts());
      await attempt("scans", () => scans.deleteExpiredScans(options.retention));
      await attempt("answers and logos", async () => {
        while (!closing.aborted && (await store.deleteExpired()));
      });
      await clock.sleep(roundMs, closing);
      await attempt("months", ensureMonths);
    }
  }
  await attempt("months", ensureMonths);
  options.closer.loop("retention", run);
}
