import type { Clock } from "../../platform/clock.ts";
import type { Closer } from "../../platform/closer.ts";
import type { Logger } from "../../platform/log.ts";
import type { SessionStore } from "./session-store.ts";

const roundMs = 60_000;

/** Removes sessions, links and addresses that are over their time, every minute until closed. */
export function openHousekeeping(options: {
  sessions: Pick<SessionStore, "trim">;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  const { sessions, clock, log } = options;
  options.closer.loop("housekeeping", async (closing) => {
    while (!closing.aborted) {
      try {
        while (!closing.aborted && (await sessions.trim(clock.now())));
      } catch (error) {
        log.warn({ error }, "housekeeping failed and will be tried again");
      }
      await clock.sleep(roundMs, closing);
    }
  });
}
