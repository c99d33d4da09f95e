import type { Clock } from "../../platform/clock.ts";
import type { Closer } from "../../platform/closer.ts";
import type { Logger } from "../../platform/log.ts";
import type { Retention, ScanStore } from "./scan-store.ts";
import { monthOf } from "./spans.ts";
import type { Store } from "./store.ts";

const roundMs = 60_000;
const monthMs = 31 * 86_400_000;

/** Makes the months' partitions ahead of time and removes what is over its time, every minute until closed. */
export function openHousekeeping(options: {
  store: Pick<Store, "trimAnswers">;
  scans: ScanStore;
  retention: Retention;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  const { store, scans, clock, log } = options;
  const closing = new AbortController();
  async function keepHouse(): Promise<void> {
    for (const ms of [clock.now(), clock.now() + monthMs]) {
      const { first, next } = monthOf(ms);
      await scans.ensureMonth(first, next);
    }
    await scans.destroySalts();
    await scans.trimScans(options.retention);
    await store.trimAnswers();
  }
  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await keepHouse().catch((error) => log.warn({ error }, "housekeeping failed and will be tried again"));
      await clock.sleep(roundMs, closing.signal);
    }
  }
  const running = run();
  options.closer.defer("housekeeping", () => {
    closing.abort();
    return running;
  });
}
