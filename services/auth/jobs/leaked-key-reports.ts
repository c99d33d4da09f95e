import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { KeyStore } from "../store/keys.ts";
import type { LeakReportStore } from "../store/leak-reports.ts";

export interface LeakWorkerOptions {
  leakReports: Pick<LeakReportStore, "take">;
  keys: Pick<KeyStore, "revoke">;
  propagate(entries: LogEntries): Promise<Propagation>;
  clock: Clock;
  log: Logger;
}

const reportsMax = 100;
/** Interval at which reports are read that another replica stored, or whose handling failed, in ms. */
const intervalMs = 5_000;

/** Revokes keys that were reported as leaked. Not done in the reporting call, so that its timing shows nothing. */
export function createLeakWorker({ leakReports, keys, propagate, clock, log }: LeakWorkerOptions) {
  const closing = new AbortController();
  let wake = new AbortController();

  async function revokeReported(): Promise<void> {
    for (;;) {
      const reports = await leakReports.take(reportsMax);
      // All are revoked first and propagated together: a slow edge costs one wait, not one for each key.
      const ended = [];
      for (const { keyId, reporter, address } of reports) {
        if (closing.signal.aborted) return;
        const actor = { name: `leak-report:${reporter}`.slice(0, 100), address };
        ended.push((await keys.revoke(actor, keyId, "")).entries);
        log.warn({ keyId }, "a leaked key was revoked");
      }
      await Promise.all(ended.map((entries) => propagate(entries)));
      // The next round finds the keys revoked and deletes their reports.
      if (reports.length === 0) return;
    }
  }

  return {
    /** Reads reports at once. */
    handleReports: () => wake.abort(),
    async run(): Promise<void> {
      while (!closing.signal.aborted) {
        wake = new AbortController();
        try {
          await revokeReported();
        } catch (error) {
          log.error({ error }, "reports of leaked keys could not be handled and will be tried again");
        }
        await clock.sleep(intervalMs, AbortSignal.any([wake.signal, closing.signal]));
      }
    },
    close: () => closing.abort(),
  };
}
