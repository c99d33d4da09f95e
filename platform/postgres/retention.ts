import type { Clock } from "../process/clock.ts";
import type { Closer } from "../process/closer.ts";
import type { Logger } from "../telemetry/log.ts";

/** Removes what is no longer wanted, every so often until closed. `trim` removes some of it and tells whether there is more. */
export function startRetention(options: {
  deleteExpired(): Promise<boolean>;
  everyMs: number;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  options.closer.loop("retention", async (closing) => {
    for (;;) {
      await options.clock.sleep(options.everyMs, closing);
      try {
        while (!closing.aborted && (await options.deleteExpired()));
      } catch (error) {
        options.log.warn({ error }, "expired rows could not be deleted; trying again later");
      }
      if (closing.aborted) return;
    }
  });
}
