import { crc32 } from "node:zlib";
import type { Clock } from "../../platform/clock.ts";
import { Failure } from "../../platform/errors.ts";
import type { Charged, Layout, Store, WindowRow } from "./store.ts";
import { type Ask, alike, cutParts, type Decision, decisionAt, type Part, type Run, resetsIn } from "./window.ts";

/** A decision together with the seconds until its windows end, and the database's time in ms. */
export interface TimedDecision extends Decision {
  minuteResetS: number;
  dayResetS: number;
  nowMs: number;
}

interface Waiting {
  asks: Ask[];
  /** What one statement each can decide; more than one only if an account's requests are not alike. */
  parts: Part[];
  /** Under what to keep the answer; empty if nobody will ask again. */
  batchId: string;
  /** On the monotonic clock. */
  expiresAt: number;
  resolve(decisions: TimedDecision[]): void;
  reject(error: unknown): void;
}

export interface ChargerOptions {
  store: Pick<Store, "charge" | "findBatches">;
  newStatementId(): string;
  /** Requests waiting for a statement at most; beyond, calls fail with UNAVAILABLE. */
  waitingMax: number;
  /** Accounts that one statement decides for at most, unless a single call has more. */
  perStatementMax: number;
  /** How long a batch's answer is kept, in ms. */
  keepMs: number;
  /** Told of each run of a call that was decided: the places of its requests, and how many of them were admitted. */
  note(asks: Ask[], places: number[], admitted: number, day: number): void;
  /** Told of each statement: its runs, and how many of the requests in them were asked and admitted. */
  noteStatement(runs: number, asked: number, admitted: number): void;
  /** Told that a call was answered from what is kept. */
  noteRepeated(): void;
  clock: Pick<Clock, "monotonic">;
}

export interface Charger {
  /**
   * Charges the requests of a call, those of an account that are alike in their order, unless the call's time runs out before
   * they are: then they are not charged. A call with a batch id may be repeated.
   */
  charge(asks: Ask[], remainingMs: number, batchId: string): Promise<TimedDecision[]>;
  /** Resolves when no statement runs any more. */
  idle(): Promise<void>;
}

/** Different costs or limits that one account's requests in a call may have at most: each costs a statement. */
export const kindsMax = 16;

/**
 * Charges requests in group commits: one transaction runs at a time, and what arrives meanwhile shares the next one. It is
 * one statement, unless requests of an account in a call are not alike.
 */
export function createCharger(options: ChargerOptions): Charger {
  const { store, clock } = options;
  let queue: Waiting[] = [];
  let waitingRequests = 0;
  let running: Promise<void> | undefined;
  /** Calls under way that have a batch id: one that is repeated meanwhile joins the first. */
  const underWay = new Map<string, { requestsCrc: number; decisions: Promise<TimedDecision[]> }>();

  async function drain(): Promise<void> {
    while (queue.length > 0) await chargeOnce(takeNext());
    running = undefined;
  }

  /** The calls that share the next transaction, in the order of their arrival. */
  function takeNext(): Waiting[] {
    const now = clock.monotonic();
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    /** The run of each account, for each statement. */
    const rounds: Map<string, Run>[] = [];
    /** Accounts of calls that were left: what comes after those may not overtake them. */
    const leftAccounts = new Set<string>();
    const fits = ({ parts }: Waiting) =>
      parts.every(({ runs }, round) =>
        runs.every((run) => !leftAccounts.has(run.accountId) && alike(rounds[round]?.get(run.accountId) ?? run, run)),
      );
    const isFull = ({ parts }: Waiting) => {
      const accounts = rounds[0];
      if (!accounts) return false;
      const added = parts[0]?.runs.filter(({ accountId }) => !accounts.has(accountId)).length ?? 0;
      return added > 0 && accounts.size + added > options.perStatementMax;
    };
    for (const waiting of queue) {
      if (waiting.expiresAt <= now) {
        waiting.reject(new Failure("DEADLINE_EXCEEDED"));
      } else if (isFull(waiting) || !fits(waiting)) {
        left.push(waiting);
        for (const { accountId } of waiting.parts[0]?.runs ?? []) leftAccounts.add(accountId);
      } else {
        taken.push(waiting);
        for (const [round, { runs }] of waiting.parts.entries()) {
          const joined = rounds[round] ?? new Map<string, Run>();
          rounds[round] = joined;
          for (const run of runs) if (!joined.has(run.accountId)) joined.set(run.accountId, run);
        }
      }
    }
    queue = left;
    return taken;
  }

  async function chargeOnce(taken: Waiting[]): Promise<void> {
    if (taken.length === 0) return;
    const { rounds, layouts } = joinRuns(taken.map(({ parts }) => parts));
    const batches = taken.flatMap(({ batchId, asks }, index) =>
      batchId === "" ? [] : [{ batchId, requestsCrc: crcOf(asks), layout: layouts[index] as Layout }],
    );
    try {
      const charged = await store.charge(rounds, {
        statementId: options.newStatementId(),
        batches,
        keepMs: options.keepMs,
      });
      if (!charged) return await answerRepeated(taken);
      for (const [index, waiting] of taken.entries()) settle(waiting, layouts[index] as Layout, charged);
      const runs = rounds.flat();
      const asked = runs.reduce((sum, run) => sum + run.asked, 0);
      const admitted = charged.rows.reduce((sum, row) => sum + row.admitted, 0);
      options.noteStatement(runs.length, asked, admitted);
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }

  /** Answers a call that was charged just now. */
  function settle(waiting: Waiting, layout: Layout, charged: Charged): void {
    waiting.resolve(decide(waiting, layout, charged));
    for (const [index, { run, offset }] of layout.entries()) {
      const places = placesOf(waiting, index);
      const { admitted, day } = charged.rows[run] as WindowRow;
      options.note(waiting.asks, places, Math.min(Math.max(admitted - offset, 0), places.length), day);
    }
  }

  /** Some of these were counted before, and so none now: answers those as they were, and puts the others in front again. */
  async function answerRepeated(taken: Waiting[]): Promise<void> {
    const found = await store.findBatches(taken.flatMap(({ batchId }) => (batchId === "" ? [] : [batchId])));
    const known = new Map(found.map((one) => [one.batchId, one]));
    const again: Waiting[] = [];
    for (const waiting of taken) {
      const before = known.get(waiting.batchId);
      if (!before) again.push(waiting);
      else if (before.answer === "handed in" || before.answer === "forgotten") {
        waiting.reject(new Failure("DEADLINE_EXCEEDED"));
      } else if (before.requestsCrc !== crcOf(waiting.asks)) waiting.reject(usedOtherwise());
      else {
        options.noteRepeated();
        waiting.resolve(decide(waiting, before.layout, before.answer));
      }
    }
    queue = [...again, ...queue];
  }

  function enqueue(asks: Ask[], remainingMs: number, batchId: string): Promise<TimedDecision[]> {
    if (waitingRequests + asks.length > options.waitingMax) {
      return Promise.reject(new Failure("UNAVAILABLE", undefined, { retryAfterS: 1 }));
    }
    const parts = cutParts(asks);
    if (parts.length > kindsMax) {
      const message = `requests of one account may have at most ${kindsMax} different costs and limits in a call`;
      return Promise.reject(new Failure("INVALID_REQUEST", message));
    }
    waitingRequests += asks.length;
    const expiresAt = clock.monotonic() + remainingMs;
    const decisions = new Promise<TimedDecision[]>((resolve, reject) => {
      queue.push({ asks, parts, batchId, expiresAt, resolve, reject });
    });
    running ??= drain();
    return decisions.finally(() => {
      waitingRequests -= asks.length;
    });
  }

  return {
    charge(asks, remainingMs, batchId) {
      if (batchId === "") return enqueue(asks, remainingMs, batchId);
      const first = underWay.get(batchId);
      const requestsCrc = crcOf(asks);
      if (first) return first.requestsCrc === requestsCrc ? first.decisions : Promise.reject(usedOtherwise());
      const decisions = enqueue(asks, remainingMs, batchId).finally(() => underWay.delete(batchId));
      underWay.set(batchId, { requestsCrc, decisions });
      return decisions;
    },
    async idle() {
      await running;
    },
  };
}

function usedOtherwise(): Failure {
  return new Failure("CONFLICT", "This batch_id was used for something else.");
}

function crcOf(asks: Ask[]): number {
  return crc32(
    asks.map(({ accountId, cost, limits }) => `${accountId} ${cost} ${limits.perMinute} ${limits.perDay}`).join(),
  );
}

/** The places in a call of the requests of its run with this number, counted through all its parts. */
function placesOf({ parts }: Waiting, index: number): number[] {
  let rest = index;
  for (const { members } of parts) {
    if (rest < members.length) return members[rest] as number[];
    rest -= members.length;
  }
  throw new RangeError(`a call has no run ${index}`);
}

/**
 * The runs of many calls' parts, joined by account and in the order of account ids, for each statement; and where each
 * call is in them, all statements' runs counted through.
 */
function joinRuns(calls: Part[][]): { rounds: Run[][]; layouts: Layout[] } {
  const rounds: Run[][] = [];
  const layouts: Layout[] = calls.map(() => []);
  let before = 0;
  for (let round = 0; calls.some((parts) => parts.length > round); round++) {
    const joined = new Map<string, Run>();
    for (const parts of calls) {
      for (const run of parts[round]?.runs ?? []) {
        const known = joined.get(run.accountId);
        if (known) known.asked += run.asked;
        else joined.set(run.accountId, { ...run });
      }
    }
    const ids = [...joined.keys()].sort();
    const placeOf = new Map(ids.map((accountId, place) => [accountId, place]));
    const offsets = new Array<number>(ids.length).fill(0);
    for (const [call, parts] of calls.entries()) {
      for (const { accountId, asked } of parts[round]?.runs ?? []) {
        const place = placeOf.get(accountId) as number;
        const offset = offsets[place] as number;
        layouts[call]?.push({ run: before + place, offset });
        offsets[place] = offset + asked;
      }
    }
    rounds.push(ids.map((accountId) => joined.get(accountId) as Run));
    before += ids.length;
  }
  return { rounds, layouts };
}

function decide({ asks, parts }: Waiting, layout: Layout, { rows, nowMs }: Charged): TimedDecision[] {
  const decisions = new Array<TimedDecision>(asks.length);
  let index = 0;
  for (const { runs, members } of parts) {
    for (const [own, places] of members.entries()) {
      const { run, offset } = layout[index++] as Layout[number];
      const row = rows[run] as WindowRow;
      const { minuteS, dayS } = resetsIn(nowMs, row);
      for (const [at, place] of places.entries()) {
        const { refusedBy, minuteUsed, dayUsed } = decisionAt(offset + at, runs[own] as Run, row);
        decisions[place] = { refusedBy, minuteUsed, dayUsed, minuteResetS: minuteS, dayResetS: dayS, nowMs };
      }
    }
  }
  return decisions;
}
