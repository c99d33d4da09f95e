import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Store } from "../store/accounts-and-keys.ts";

export interface LeakWorkerOptions {
  store: Pick<Store, "takeLeakReports" | "revokeKey">;
  propagate(entries: LogEntries): Promise<Propagation>;
  clock: Clock;
  log: Logger;
}

const reportsMax = 100;
/** How often reports are looked for that came to another replica, or whose handling failed, in ms. */
const lookMs = 5_000;

/** Revokes keys that were reported as leaked, apart from the call that reported them, so that its timing tells nothing. */
export function createLeakWorker({ store, propagate, clock, log }: LeakWorkerOptions) {
  const closing = new AbortController();
  let wake = new AbortController();

  async function revokeReported(): Promise<void> {
    for (;;) {
      const reports = await store.takeLeakReports(reportsMax);
      // All are ended first and waited for together: a slow edge costs one wait, not one for each key.
      const ended = [];
      for (const { keyId, reporter, address } of reports) {
        if (closing.signal.aborted) return;
        const actor = { name: `leak-report:${reporter}`.slice(0, 100), address };
        ended.push((await store.revokeKey(actor, keyId, "")).entries);
        log.warn({ keyId }, "a leaked key was revoked");
      }
      await Promise.all(ended.map((entries) => propagate(entries)));
      // What was revoked is looked at once more, found dead, and dropped.
      if (reports.length === 0) return;
    }
  }

  return {
    /** Looks at once. */
    look: () => wake.abort(),
    async run(): Promise<void> {
      while (!closing.signal.aborted) {
        wake = new AbortController();
        try {
          await revokeReported();
        } catch (error) {
          log.error({ error }, "reports of leaked keys could not be handled and will be looked at again");
        }
        await clock.sleep(lookMs, AbortSignal.any([wake.signal, closing.signal]));
      }
    },
    close: () => closing.abort(),
  };
}
