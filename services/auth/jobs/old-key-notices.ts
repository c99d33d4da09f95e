import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import { repeat } from "../../../platform/process/loop.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { KeyStore } from "../store/keys.ts";

/** Interval at which old keys are looked for, in ms. */
const intervalMs = 60_000;
/** Keys noticed in one run at most: where mail is set up late, all old keys are due at once. */
const keysMax = 100;

/** Tells owners which of their keys are due for rotation, once for each key. */
export function startOldKeyNotices({
  keys,
  clock,
  closer,
  log,
}: {
  keys: Pick<KeyStore, "noticeOldKeys">;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  const message = "owners of old keys could not be notified; trying again later";
  closer.loop("old key notices", (closing) =>
    repeat({ intervalMs, closing, clock, log, message }, () => keys.noticeOldKeys(keysMax)),
  );
}
