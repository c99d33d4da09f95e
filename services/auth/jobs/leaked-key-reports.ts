import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { LeakReportStore } from "../store/leak-reports.ts";

export interface LeakWorkerOptions {
  leakReports: Pick<LeakReportStore, "revoke" | "deleteSettled">;
  propagate(entries: LogEntries): Promise<Propagation>;
  clock: Clock;
  log: Logger;
}

/** Keys that one transaction revokes at most. */
const keysMax = 100;
/** Interval at which reports are read that another replica stored, or whose handling failed, in ms. */
const intervalMs = 1_000;

/** Revokes keys that were reported as leaked. Not done in the reporting call, which would wait for every edge. */
export function createLeakWorker({ leakReports, propagate, clock, log }: LeakWorkerOptions) {
  const closing = new AbortController();
  let wake = new AbortController();

  const propagating = new Set<Promise<unknown>>();

  /** Makes edges forget keys, without waiting for it: a slow edge does not delay the keys of the next report. */
  function propagateAside(entries: LogEntries): void {
    const ended = propagate(entries)
      .catch((error) => log.warn({ error }, "edges forget revoked keys with the next renewal of their lease"))
      .finally(() => propagating.delete(ended));
    propagating.add(ended);
  }

  async function revokeReported(): Promise<void> {
    while (!closing.signal.aborted) {
      const revoked = await leakReports.revoke(keysMax);
      if (!revoked) break;
      for (const keyId of revoked.keyIds) log.warn({ keyId }, "a leaked key was revoked");
      propagateAside(revoked.entries);
    }
    while (!closing.signal.aborted && (await leakReports.deleteSettled()));
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
      await Promise.all(propagating);
    },
    close: () => closing.abort(),
  };
}
