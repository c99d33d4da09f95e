import type { Clock } from "../../platform/clock.ts";
import { Failure } from "../../platform/errors.ts";
import type { Charged, Layout, PartId, Store, WindowRow } from "./store.ts";
import { type Ask, alike, cutParts, type Decision, decisionAt, type Part, type Run, resetsIn } from "./window.ts";

/** A decision together with the seconds until its windows end, and the database's time in ms. */
export interface TimedDecision extends Decision {
  minuteResetS: number;
  dayResetS: number;
  nowMs: number;
}

interface Waiting {
  part: Part;
  asks: Ask[];
  /** Under what to keep the answer; undefined if nobody will ask again. */
  id: PartId | undefined;
  /** On the monotonic clock. */
  expiresAt: number;
  /** The call's decisions, to be filled in by their places. */
  decisions: TimedDecision[];
  resolve(): void;
  reject(error: unknown): void;
}

export interface ChargerOptions {
  store: Pick<Store, "charge" | "findParts">;
  newStatementId(): string;
  /** Requests waiting for a statement at most; beyond, calls fail with UNAVAILABLE. */
  waitingMax: number;
  /** Accounts that one statement decides for at most, unless a single call has more. */
  perStatementMax: number;
  /** How long a batch's answer is kept after its deadline, in ms. */
  keepMs: number;
  /** Told of each run of a call that was decided: the places of its requests, and how many of them were admitted. */
  note(asks: Ask[], places: number[], admitted: number, day: number): void;
  /** Told of each statement: its runs, and how many of the requests in them were asked and admitted. */
  noteStatement(runs: number, asked: number, admitted: number): void;
  /** Told that a call was answered from what is kept. */
  noteRepeated(): void;
  clock: Pick<Clock, "monotonic">;
}

/**
 * Charges the requests of a call, those of an account that are alike in their order, unless the call's time runs out before
 * they are: then they are not charged. A call with a batch id may be repeated.
 */
export type Charge = (asks: Ask[], remainingMs: number, batchId: string) => Promise<TimedDecision[]>;

/**
 * Charges requests in group commits: one statement runs at a time, and what arrives meanwhile shares the next one.
 */
export function createCharger(options: ChargerOptions): Charge {
  const { store, clock } = options;
  let queue: Waiting[] = [];
  let waitingRequests = 0;
  let running = false;
  /** Calls under way that have a batch id: one that is repeated meanwhile joins the first. */
  const underWay = new Map<string, { asks: Ask[]; decisions: Promise<TimedDecision[]> }>();

  async function drain(): Promise<void> {
    running = true;
    while (queue.length > 0) await chargeOnce(takeStatement());
    running = false;
  }

  /** The parts that share the next statement, in the order of their arrival. */
  function takeStatement(): Waiting[] {
    const now = clock.monotonic();
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    const runOf = new Map<string, Run>();
    /** Accounts of parts that were left: what comes after those may not overtake them. */
    const leftAccounts = new Set<string>();
    for (const waiting of queue) {
      const { runs } = waiting.part;
      if (waiting.expiresAt <= now) {
        waiting.reject(new Failure("DEADLINE_EXCEEDED"));
        continue;
      }
      const fits = (run: Run) => !leftAccounts.has(run.accountId) && alike(runOf.get(run.accountId) ?? run, run);
      const full = taken.length > 0 && runOf.size + runs.length > options.perStatementMax;
      if (full || !runs.every(fits)) {
        left.push(waiting);
        for (const { accountId } of runs) leftAccounts.add(accountId);
        continue;
      }
      taken.push(waiting);
      for (const run of runs) if (!runOf.has(run.accountId)) runOf.set(run.accountId, run);
    }
    queue = left;
    return taken;
  }

  async function chargeOnce(taken: Waiting[]): Promise<void> {
    if (taken.length === 0) return;
    const { runs, layouts } = joinRuns(taken.map(({ part }) => part));
    const kept = taken.flatMap(({ id }, index) => (id ? [{ ...id, layout: layouts[index] as Layout }] : []));
    const latest = Math.max(...taken.map(({ expiresAt }) => expiresAt));
    try {
      const charged = await store.charge(runs, {
        statementId: options.newStatementId(),
        parts: kept,
        keepMs: latest - clock.monotonic() + options.keepMs,
      });
      if (!charged) return await answerRepeated(taken);
      for (const [index, waiting] of taken.entries()) {
        const layout = layouts[index] as Layout;
        decide(waiting, layout, charged);
        for (const [at, places] of waiting.part.members.entries()) {
          const { run, offset } = layout[at] as Layout[number];
          const { admitted, day } = charged.rows[run] as WindowRow;
          options.note(waiting.asks, places, Math.min(Math.max(admitted - offset, 0), places.length), day);
        }
      }
      const asked = runs.reduce((sum, run) => sum + run.asked, 0);
      const admitted = charged.rows.reduce((sum, row) => sum + row.admitted, 0);
      options.noteStatement(runs.length, asked, admitted);
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }

  /** Some of these were counted before, and so none now: answers those as they were, and puts the others in front again. */
  async function answerRepeated(taken: Waiting[]): Promise<void> {
    const found = await store.findParts(taken.flatMap(({ id }) => (id ? [id] : [])));
    const known = new Map(found.map((one) => [`${one.batchId} ${one.part}`, one]));
    const again: Waiting[] = [];
    for (const waiting of taken) {
      const before = waiting.id && known.get(`${waiting.id.batchId} ${waiting.id.part}`);
      if (!before) again.push(waiting);
      else if (!before.charged || before.layout.length !== waiting.part.runs.length) {
        waiting.reject(usedOtherwise());
      } else {
        options.noteRepeated();
        decide(waiting, before.layout, before.charged);
      }
    }
    // What is counted and yet not found was trimmed in between: nobody can tell any more how it was decided.
    if (found.length === 0) throw new Failure("DEADLINE_EXCEEDED");
    queue = [...again, ...queue];
  }

  function charge(asks: Ask[], remainingMs: number, batchId: string): Promise<TimedDecision[]> {
    if (waitingRequests + asks.length > options.waitingMax) {
      return Promise.reject(new Failure("UNAVAILABLE", undefined, { retryAfterS: 1 }));
    }
    waitingRequests += asks.length;
    const expiresAt = clock.monotonic() + remainingMs;
    const decisions = new Array<TimedDecision>(asks.length);
    const parts = cutParts(asks).map((part, index) => {
      const id = batchId === "" ? undefined : { batchId, part: index };
      return new Promise<void>((resolve, reject) => {
        queue.push({ part, asks, id, expiresAt, decisions, resolve, reject });
      });
    });
    if (!running) void drain();
    return Promise.all(parts)
      .then(() => decisions)
      .finally(() => {
        waitingRequests -= asks.length;
      });
  }

  return (asks, remainingMs, batchId) => {
    if (batchId === "") return charge(asks, remainingMs, batchId);
    const first = underWay.get(batchId);
    if (first) return first.asks.length === asks.length ? first.decisions : Promise.reject(usedOtherwise());
    const decisions = charge(asks, remainingMs, batchId).finally(() => underWay.delete(batchId));
    underWay.set(batchId, { asks, decisions });
    return decisions;
  };
}

function usedOtherwise(): Failure {
  return new Failure("CONFLICT", "This batch_id was used for something else.");
}

/** The runs of many parts, joined by account and in the order of account ids, and where each part is in them. */
function joinRuns(parts: Part[]): { runs: Run[]; layouts: Layout[] } {
  const runOf = new Map<string, Run>();
  for (const { runs } of parts) {
    for (const run of runs) {
      const joined = runOf.get(run.accountId);
      if (joined) joined.asked += run.asked;
      else runOf.set(run.accountId, { ...run });
    }
  }
  const ids = [...runOf.keys()].sort();
  const placeOf = new Map(ids.map((accountId, place) => [accountId, place]));
  const offsets = new Array<number>(ids.length).fill(0);
  const layouts = parts.map(({ runs }) =>
    runs.map(({ accountId, asked }) => {
      const run = placeOf.get(accountId) as number;
      const offset = offsets[run] as number;
      offsets[run] = offset + asked;
      return { run, offset };
    }),
  );
  return { runs: ids.map((accountId) => runOf.get(accountId) as Run), layouts };
}

function decide({ part, decisions, resolve }: Waiting, layout: Layout, { rows, nowMs }: Charged): void {
  for (const [index, places] of part.members.entries()) {
    const { run, offset } = layout[index] as Layout[number];
    const row = rows[run] as WindowRow;
    const { minuteS, dayS } = resetsIn(nowMs, row);
    for (const [at, place] of places.entries()) {
      const { refusedBy, minuteUsed, dayUsed } = decisionAt(offset + at, part.runs[index] as Run, row);
      decisions[place] = { refusedBy, minuteUsed, dayUsed, minuteResetS: minuteS, dayResetS: dayS, nowMs };
    }
  }
  resolve();
}
