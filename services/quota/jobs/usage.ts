import { type ConsumeRequest, subjectOf } from "../../../contracts/quota-rule.ts";
import { isUnavailable } from "../../../platform/errors.ts";
import { itemAt } from "../../../platform/item-at.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import { repeat } from "../../../platform/process/loop.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { KeyDay, Store } from "../store/windows.ts";

const flushMs = 500;
const rowsPerStatementMax = 5_000;
/** Time for which the database stores the id of a flush, so that it can be repeated, in ms. */
const keepMs = 3_600_000;
/** Timeout for the last flush on closing, in ms. */
const closeMs = 3_000;

/**
 * Counts usage by key and day, outside the deciding statement: collects it in memory, adds it to the database every 500 ms
 * and once more on closing. Repeats a flush with an unknown outcome under its id, so that nothing is counted twice.
 */
export function openUsage(options: {
  store: Pick<Store, "addKeyDays">;
  newBatchId(): string;
  clock: Clock;
  closer: Closer;
  log: Logger;
}) {
  const { store, clock, log } = options;
  /** Counts by subject, then by key: one entry for each key used since the last flush. Past days move to `over`. */
  let counts = new Map<string, Map<string, KeyDay>>();
  let over: KeyDay[] = [];
  /** Counts taken from the above that are not yet confirmed as stored. */
  let sending: { batchId: string; days: KeyDay[] }[] = [];

  function entryOf(subject: string, keyId: string, day: number): KeyDay {
    let keys = counts.get(subject);
    if (!keys) {
      keys = new Map();
      counts.set(subject, keys);
    }
    const entry = keys.get(keyId);
    if (entry?.day === day) return entry;
    if (entry) over.push(entry);
    const fresh = { subject, day, keyId, admitted: 0, refused: 0 };
    keys.set(keyId, fresh);
    return fresh;
  }

  function take(): void {
    const merged = new Map<string, KeyDay>();
    for (const one of [...over, ...[...counts.values()].flatMap((keys) => [...keys.values()])]) {
      const name = `${one.subject} ${one.day} ${one.keyId}`;
      const known = merged.get(name);
      if (!known) merged.set(name, one);
      else {
        known.admitted += one.admitted;
        known.refused += one.refused;
      }
    }
    const days = [...merged.values()];
    counts = new Map();
    over = [];
    while (days.length > 0) {
      sending.push({ batchId: options.newBatchId(), days: days.splice(0, rowsPerStatementMax) });
    }
  }

  /** Stores the collected counts; returns whether none are left. */
  async function flush(): Promise<boolean> {
    // While the database is unavailable nothing is decided, so that few counts accumulate behind a failed flush.
    if (sending.length === 0) take();
    while (sending.length > 0) {
      const { batchId, days } = itemAt(sending, 0);
      try {
        await store.addKeyDays(batchId, days, keepMs);
      } catch (error) {
        if (isUnavailable(error)) {
          log.warn({ error, rows: days.length }, "usage by key could not be stored and will be again");
          return false;
        }
        log.error({ error, lost: days.length }, "usage by key was refused by the database and is lost");
      }
      sending = sending.slice(1);
    }
    return counts.size === 0 && over.length === 0;
  }

  async function run(closing: AbortSignal): Promise<void> {
    const message = "usage by key could not be stored; trying again later";
    await repeat({ intervalMs: flushMs, closing, clock, log, message }, flush);
    const end = clock.monotonic() + closeMs;
    while (!(await flush())) {
      if (clock.monotonic() > end) {
        take();
        const lost = sending.reduce((sum, { days }) => sum + days.length, 0);
        log.error({ lost }, "usage by key was lost: the database could not be reached");
        return;
      }
      await clock.sleep(flushMs);
    }
  }
  options.closer.loop("usage", run);

  return {
    /** Counts requests of one subject, at these positions of a call: the first `admitted` were admitted. */
    note(requests: ConsumeRequest[], places: number[], admitted: number, day: number): void {
      for (const [at, place] of places.entries()) {
        const request = itemAt(requests, place);
        const { keyId, cost } = request;
        const entry = entryOf(subjectOf(request), keyId, day);
        if (at < admitted) entry.admitted += cost;
        else entry.refused += cost;
      }
    },
  };
}
