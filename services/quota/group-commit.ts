import { type ConsumeRequest, resetsIn } from "../../contracts/quota-rule.ts";
import { ServiceError } from "../../platform/errors.ts";
import { itemAt } from "../../platform/item-at.ts";
import type { Clock } from "../../platform/process/clock.ts";
import { admittedOf, type Charged, crcOf, rowOf, type Share, usedOtherwise } from "./domain/batch.ts";
import {
  type Charge,
  type Decision,
  decisionAt,
  type GroupedRequests,
  groupBySubject,
  isAlike,
} from "./domain/window.ts";
import type { Store } from "./store/windows.ts";

/** A decision together with the seconds until its windows end, and the database's time in ms. */
export interface TimedDecision extends Decision {
  minuteResetS: number;
  dayResetS: number;
  nowMs: number;
}

interface WaitingCall extends GroupedRequests {
  requests: ConsumeRequest[];
  /** Id of the stored answer; empty if the call is never repeated. */
  batchId: string;
  /** Deadline on the monotonic clock, in ms. */
  expiresAt: number;
  resolve(decisions: TimedDecision[]): void;
  reject(error: unknown): void;
}

export interface GroupCommitOptions {
  store: Pick<Store, "charge" | "findBatches">;
  newStatementId(): string;
  /** Maximum number of requests that wait for a statement; beyond it, calls fail with UNAVAILABLE. */
  waitingMax: number;
  /** Maximum number of subjects in one statement, unless a single call has more. */
  perStatementMax: number;
  /** Time for which a batch's answer is stored, in ms. */
  keepMs: number;
  /** Called for each subject of a decided call, with the positions of its requests and the number of admitted ones. */
  note(requests: ConsumeRequest[], places: number[], admitted: number, day: number): void;
  /** Called for each statement, with the numbers of its subjects and of its decided and admitted requests. */
  noteStatement(subjects: number, requested: number, admitted: number): void;
  /** Called for each call that was answered from a stored answer. */
  noteRepeated(): void;
  clock: Pick<Clock, "monotonic">;
}

export interface GroupCommit {
  /**
   * Charges the requests of a call, those of a subject in order. Rejects with DEADLINE_EXCEEDED if the deadline passes
   * first, in which case nothing is charged, and with INVALID_REQUEST if a subject's requests differ in cost or
   * limits. A call with a batch id may be repeated.
   */
  charge(requests: ConsumeRequest[], remainingMs: number, batchId: string): Promise<TimedDecision[]>;
  /** Resolves when no statement is running. */
  idle(): Promise<void>;
}

/** Charges requests in group commits: one statement runs at a time, and calls that arrive meanwhile share the next one. */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { store, clock } = options;
  let queue: WaitingCall[] = [];
  let waitingRequests = 0;
  let running: Promise<void> | undefined;
  /** Calls in progress by batch id: a repeated call joins the first one. */
  const underWay = new Map<string, { requestsCrc: number; decisions: Promise<TimedDecision[]> }>();

  async function drain(): Promise<void> {
    while (queue.length > 0) await chargeOnce(takeNext());
    running = undefined;
  }

  /** Takes the calls that share the next statement, in the order of their arrival. */
  function takeNext(): WaitingCall[] {
    const now = clock.monotonic();
    const taken: WaitingCall[] = [];
    const left: WaitingCall[] = [];
    const next = startStatement(options.perStatementMax);
    for (const call of queue) {
      if (call.expiresAt <= now) call.reject(new ServiceError("DEADLINE_EXCEEDED"));
      else if (next.takes(call.charges)) taken.push(call);
      else left.push(call);
    }
    queue = left;
    return taken;
  }

  async function chargeOnce(taken: WaitingCall[]): Promise<void> {
    if (taken.length === 0) return;
    const { charges, shares } = joinCharges(taken.map((call) => call.charges));
    const batches = taken.flatMap(({ batchId, requests }, index) =>
      batchId === "" ? [] : [{ batchId, requestsCrc: crcOf(requests), shares: itemAt(shares, index) }],
    );
    try {
      const charged = await store.charge(charges, {
        statementId: options.newStatementId(),
        batches,
        keepMs: options.keepMs,
      });
      if (!charged) return await answerRepeated(taken);
      for (const [index, call] of taken.entries()) settle(call, itemAt(shares, index), charged);
      const requested = charges.reduce((sum, charge) => sum + charge.requested, 0);
      const admitted = charged.rows.reduce((sum, row) => sum + row.admitted, 0);
      options.noteStatement(charges.length, requested, admitted);
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }

  /** Answers a call that was just charged. */
  function settle(call: WaitingCall, shares: Share[], charged: Charged): void {
    call.resolve(decide(call, shares, charged));
    for (const [index, places] of call.places.entries()) {
      const share = itemAt(shares, index);
      options.note(call.requests, places, admittedOf(share, places.length, charged), rowOf(share, charged).day);
    }
  }

  /** Answers calls that were charged before from their stored answers, and requeues the others first: none was charged. */
  async function answerRepeated(taken: WaitingCall[]): Promise<void> {
    const found = await store.findBatches(taken.flatMap(({ batchId }) => (batchId === "" ? [] : [batchId])));
    const known = new Map(found.map((one) => [one.batchId, one]));
    const again: WaitingCall[] = [];
    for (const call of taken) {
      const before = known.get(call.batchId);
      if (!before) again.push(call);
      else if (before.answer === "settled" || before.answer === "forgotten") {
        call.reject(new ServiceError("DEADLINE_EXCEEDED"));
      } else if (before.requestsCrc !== crcOf(call.requests)) call.reject(usedOtherwise());
      else {
        options.noteRepeated();
        call.resolve(decide(call, before.shares, before.answer));
      }
    }
    queue = [...again, ...queue];
  }

  async function enqueue(requests: ConsumeRequest[], remainingMs: number, batchId: string): Promise<TimedDecision[]> {
    if (waitingRequests + requests.length > options.waitingMax) {
      throw new ServiceError("UNAVAILABLE", undefined, { retryAfterS: 1 });
    }
    const grouped = groupBySubject(requests);
    waitingRequests += requests.length;
    const expiresAt = clock.monotonic() + remainingMs;
    const decisions = new Promise<TimedDecision[]>((resolve, reject) => {
      queue.push({ requests, ...grouped, batchId, expiresAt, resolve, reject });
    });
    running ??= drain();
    return decisions.finally(() => {
      waitingRequests -= requests.length;
    });
  }

  return {
    charge(requests, remainingMs, batchId) {
      if (batchId === "") return enqueue(requests, remainingMs, batchId);
      const first = underWay.get(batchId);
      const requestsCrc = crcOf(requests);
      if (first) return first.requestsCrc === requestsCrc ? first.decisions : Promise.reject(usedOtherwise());
      const decisions = enqueue(requests, remainingMs, batchId).finally(() => underWay.delete(batchId));
      underWay.set(batchId, { requestsCrc, decisions });
      return decisions;
    },
    async idle() {
      await running;
    },
  };
}

/** Selects calls for one statement: a subject has one row in it, so its charges must be alike in cost and limits. */
function startStatement(subjectsMax: number) {
  const subjects = new Map<string, Charge>();
  /** Subjects of skipped calls: their later calls may not overtake those. */
  const leftSubjects = new Set<string>();
  const fits = (charge: Charge) =>
    !leftSubjects.has(charge.subject) && isAlike(subjects.get(charge.subject) ?? charge, charge);
  const isFull = (added: number) => subjects.size > 0 && added > 0 && subjects.size + added > subjectsMax;
  return {
    /** Adds a call's charges if the statement has room and they are compatible; returns whether it did. */
    takes(charges: Charge[]): boolean {
      const fresh = charges.filter(({ subject }) => !subjects.has(subject));
      if (isFull(fresh.length) || !charges.every(fits)) {
        for (const { subject } of charges) leftSubjects.add(subject);
        return false;
      }
      for (const charge of fresh) subjects.set(charge.subject, charge);
      return true;
    },
  };
}

/** Merges the charges of many calls by subject, in the order of subjects; returns each call's shares of them. */
function joinCharges(calls: Charge[][]): { charges: Charge[]; shares: Share[][] } {
  const joined = new Map<string, Charge>();
  /** The merged charge of each call's charge, and the number of requests before it. */
  const parts = calls.map((charges) =>
    charges.map((charge) => {
      const known = joined.get(charge.subject);
      if (!known) joined.set(charge.subject, { ...charge });
      const before = known?.requested ?? 0;
      if (known) known.requested += charge.requested;
      return { subject: charge.subject, before };
    }),
  );
  const charges = [...joined.values()].sort((one, other) => (one.subject < other.subject ? -1 : 1));
  const rows = new Map(charges.map(({ subject }, row) => [subject, row]));
  const shareOf = ({ subject, before }: { subject: string; before: number }): Share => {
    const row = rows.get(subject);
    if (row === undefined) throw new Error("a call's subject is not among the joined charges");
    return { row, before };
  };
  return { charges, shares: parts.map((ofCall) => ofCall.map(shareOf)) };
}

function decide({ requests, charges, places }: WaitingCall, shares: Share[], charged: Charged): TimedDecision[] {
  const decisions = new Array<TimedDecision>(requests.length);
  const { nowMs } = charged;
  for (const [index, charge] of charges.entries()) {
    const share = itemAt(shares, index);
    const row = rowOf(share, charged);
    const { minuteS, dayS } = resetsIn(nowMs, row);
    for (const [position, place] of itemAt(places, index).entries()) {
      const { refusedBy, minuteUsed, dayUsed } = decisionAt(share.before + position, charge, row);
      decisions[place] = { refusedBy, minuteUsed, dayUsed, minuteResetS: minuteS, dayResetS: dayS, nowMs };
    }
  }
  return decisions;
}
