import type { Clock } from "../process/clock.ts";
import type { Closer } from "../process/closer.ts";
import { repeat } from "../process/loop.ts";
import type { Logger } from "../telemetry/log.ts";

/**
 * Deletes expired rows every `everyMs` until closed. `deleteExpired` deletes a bounded number of them and returns whether
 * there may be more.
 */
export function startRetention(options: {
  deleteExpired(): Promise<boolean>;
  everyMs: number;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  const { everyMs, clock, log } = options;
  const message = "expired rows could not be deleted; trying again later";
  options.closer.loop("retention", (closing) =>
    repeat({ intervalMs: everyMs, closing, clock, log, message }, async () => {
      while (!closing.aborted && (await options.deleteExpired()));
    }),
  );
}
