import type { Clock } from "../../platform/clock.ts";
import { Failure } from "../../platform/errors.ts";
import type { Metrics } from "../../platform/metrics.ts";

/**
 * Keeps one account's flood from slowing the others: while several accounts call, of each so much is under way, and the
 * rest waits in line. An account that calls alone has the edge to itself.
 */
export interface Turns {
  /**
   * Does an account's work when its turn comes. Fails with UNAVAILABLE at once if too much of the account waits, and with
   * DEADLINE_EXCEEDED if the turn does not come in time.
   */
  run<T>(accountId: string, options: { deadlineMs: number }, work: () => Promise<T>): Promise<T>;
}

/** How long after two accounts called in turn the edge counts as shared, in ms. */
const sharedMs = 1_000;

interface Line {
  underWay: number;
  /** Begins the work of those who wait, first come first. */
  waiting: Set<() => void>;
}

export function createTurns(options: {
  /** Pieces of work of one account that are under way at most beside other accounts, and that wait at most. */
  underWayMax: number;
  waitingMax: number;
  clock: Pick<Clock, "monotonic">;
  metrics: Metrics;
}): Turns {
  const { underWayMax, waitingMax, clock, metrics } = options;
  /** Of accounts that have something under way. */
  const lines = new Map<string, Line>();
  /** Who called last, and until when the edge counts as shared. */
  let latest = "";
  let sharedUntil = 0;
  const refused = metrics.counter("account_refused", "requests refused because too many of their account waited");
  let waitingCount = 0;
  metrics.gauge("account_waiting", "requests that wait for others of their account", () => waitingCount);

  function noteCaller(accountId: string): void {
    if (accountId === latest) return;
    if (latest !== "") sharedUntil = clock.monotonic() + sharedMs;
    latest = accountId;
  }

  const hasRoom = (line: Line) => line.underWay < underWayMax || clock.monotonic() >= sharedUntil;

  function wait(line: Line, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        line.waiting.delete(begin);
        waitingCount--;
      };
      const begin = () => {
        leave();
        line.underWay++;
        resolve();
      };
      const timer = setTimeout(() => {
        leave();
        reject(new Failure("DEADLINE_EXCEEDED"));
      }, deadlineMs);
      line.waiting.add(begin);
      waitingCount++;
    });
  }

  return {
    async run(accountId, { deadlineMs }, work) {
      noteCaller(accountId);
      const line = lines.get(accountId) ?? { underWay: 0, waiting: new Set() };
      if (line.waiting.size === 0 && hasRoom(line)) {
        line.underWay++;
        lines.set(accountId, line);
      } else if (line.waiting.size < waitingMax) {
        await wait(line, deadlineMs);
      } else {
        refused();
        const message = "Too many requests of this account are under way. Wait for answers before you send more.";
        throw new Failure("UNAVAILABLE", message, { retryAfterS: 1 });
      }
      try {
        return await work();
      } finally {
        line.underWay--;
        for (const begin of line.waiting) {
          if (!hasRoom(line)) break;
          begin();
        }
        if (line.underWay === 0) lines.delete(accountId);
      }
    },
  };
}
