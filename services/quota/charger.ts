import type { Clock } from "../../platform/clock.ts";
import { Failure } from "../../platform/errors.ts";
import type { Store } from "./store.ts";
import { type Ask, type Decision, decisionsOf, nextRuns, resetsIn } from "./window.ts";

/** A decision together with the seconds until its windows end, and the database's time in ms. */
export interface TimedDecision extends Decision {
  minuteResetS: number;
  dayResetS: number;
  nowMs: number;
}

interface Waiting {
  ask: Ask;
  /** On the monotonic clock. */
  expiresAt: number;
  resolve(decision: TimedDecision): void;
  reject(error: unknown): void;
}

export interface ChargerOptions {
  store: Pick<Store, "charge">;
  /** Requests waiting for a statement at most; beyond, calls fail with UNAVAILABLE. */
  waitingMax: number;
  /** Requests that one statement decides at most. */
  perStatementMax: number;
  clock: Pick<Clock, "monotonic">;
}

/** Charges requests in their order, unless their time runs out before they are: then they are not charged. */
export type Charge = (asks: Ask[], remainingMs: number) => Promise<TimedDecision[]>;

/**
 * Charges requests in group commits: one statement runs at a time, and what arrives meanwhile shares the next one.
 */
export function createCharger({ store, waitingMax, perStatementMax, clock }: ChargerOptions): Charge {
  let queue: Waiting[] = [];
  let running = false;

  async function drain(): Promise<void> {
    running = true;
    while (queue.length > 0) await chargeOnce();
    running = false;
  }

  async function chargeOnce(): Promise<void> {
    const now = clock.monotonic();
    const waiting = queue.slice(0, perStatementMax).filter((one) => {
      if (one.expiresAt > now) return true;
      one.reject(new Failure("DEADLINE_EXCEEDED"));
      return false;
    });
    const later = queue.slice(perStatementMax);
    const { runs, members, rest } = nextRuns(waiting.map(({ ask }) => ask));
    queue = [...rest.map((place) => waiting[place] as Waiting), ...later];
    if (runs.length === 0) return;
    const asked = members.map((places) => places.map((place) => waiting[place] as Waiting));
    try {
      const rows = await store.charge(runs);
      for (const [index, run] of runs.entries()) {
        const row = rows[index];
        if (!row) throw new Error("a run was not answered");
        const { minuteS, dayS } = resetsIn(row.nowMs, row);
        for (const [place, decision] of decisionsOf(run, row).entries()) {
          asked[index]?.[place]?.resolve({ ...decision, minuteResetS: minuteS, dayResetS: dayS, nowMs: row.nowMs });
        }
      }
    } catch (error) {
      for (const run of asked) for (const { reject } of run) reject(error);
    }
  }

  return (asks, remainingMs) => {
    if (queue.length + asks.length > waitingMax) {
      return Promise.reject(new Failure("UNAVAILABLE", undefined, { retryAfterS: 1 }));
    }
    const expiresAt = clock.monotonic() + remainingMs;
    const decisions = asks.map(
      (ask) => new Promise<TimedDecision>((resolve, reject) => queue.push({ ask, expiresAt, resolve, reject })),
    );
    if (!running) void drain();
    return Promise.all(decisions);
  };
}
