import type { Clock } from "../../platform/clock.ts";
import type { Closer } from "../../platform/closer.ts";
import type { Logger } from "../../platform/log.ts";
import type { Store } from "./store.ts";

/** Days for which totals and counts by key are kept. */
export const daysKept = 400;
const trimMs = 20_000;

/** Removes what is no longer wanted, from now on until closed. */
export function openTrimmer(options: { store: Pick<Store, "trim">; clock: Clock; closer: Closer; log: Logger }): void {
  const { store, clock } = options;
  async function run(closing: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(trimMs, closing);
      try {
        while (!closing.aborted && (await store.trim(daysKept)));
      } catch (error) {
        options.log.warn({ error }, "old rows could not be removed and will be again");
      }
      if (closing.aborted) return;
    }
  }
  options.closer.loop("trimmer", run);
}
