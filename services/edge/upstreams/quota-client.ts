import { type ConsumeRequest, type Limits, subjectOf } from "../../../contracts/quota-rule.ts";
import {
  type QuotaDecision as QuotaDecisionMessage,
  type QuotaService,
  Window,
} from "../../../gen/qrforge/quota/v1/quota_pb.ts";
import { createBatcher, type SendOptions } from "../../../platform/concurrency/batcher.ts";
import { isUnavailable, ServiceError } from "../../../platform/errors.ts";
import { itemAt } from "../../../platform/item-at.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import type { RpcClient } from "../../../platform/rpc/client.ts";
import type { QuotaDecision } from "../pipeline/rate-limit-headers.ts";
import { type OfflineQuotaOptions, openOfflineQuota } from "./offline-quota.ts";
import { faceNumbers } from "./offline-windows.ts";
import { openQuotaRefunds, type SentBatch } from "./quota-refunds.ts";

/** Charges a request, or returns the window that is exhausted. */
export type ConsumeQuota = (request: ConsumeRequest, wait: { timeoutMs: number }) => Promise<QuotaDecision>;

export interface QuotaClientOptions extends OfflineQuotaOptions {
  quota: RpcClient<typeof QuotaService>;
  /** Policy while quota is unavailable: requests are rejected, or served and counted here. */
  policy: "closed" | "open";
  timeoutMs: number;
  batching: { batchItemsMax: number; inFlightMax: number; queuedItemsMax: number };
  /** Timeout for sending the remaining refunds and reports on closing, in ms. */
  closeMs: number;
  closer: Closer;
}

/** Returns whether the caller of the request at a position still waits. */
type IsWaiting = SendOptions<QuotaDecision>["isWaiting"];

const refusals: Record<number, QuotaDecision["refusedBy"]> = {
  [Window.UNSPECIFIED]: "none",
  [Window.MINUTE]: "minute",
  [Window.DAY]: "day",
};
/** Maximum number of calls for one batch: a repeated call charges nothing twice, and may reach a healthy replica. */
const attemptsMax = 3;
/** Maximum number of requests with a cost other than 1 in a batch: each may need its own call, and all wait for the last. */
const bulkItemsMax = 16;

/**
 * Charges requests at quota, in batches. While quota is unavailable the policy applies: if it is `open`, the edge
 * decides from the last known windows, and reports its counts once before it calls quota again.
 */
export function openQuotaClient(options: QuotaClientOptions): ConsumeQuota {
  const { quota, policy, clock, log } = options;
  const undecided = options.metrics.counter(
    "quota_unreachable_requests",
    "requests that quota could not decide, by policy and result",
  );
  const offline = openOfflineQuota(options);
  const refunds = openQuotaRefunds(options);
  let isClosing = false;
  options.closer.defer("quota client", async () => {
    isClosing = true;
    await Promise.all([refunds.close(options.closeMs), offline.close(options.closeMs)]);
  });

  /**
   * Sends one batch, in as many calls as quota's contract needs. Each call's requests are answered when it
   * ends: a request that waited for the others could run out of time after it was found to be in time, and stay charged.
   */
  async function send(
    requests: ConsumeRequest[],
    { isWaiting, answer }: SendOptions<QuotaDecision>,
  ): Promise<(QuotaDecision | Error)[]> {
    await offline.ready();
    const results = new Array<QuotaDecision | Error>(requests.length);
    await Promise.all(
      splitIntoCalls(requests).map(async (places) => {
        const inCall = places.map((place) => itemAt(requests, place));
        const isWaitingInCall = (index: number) => isWaiting(itemAt(places, index));
        const answers = await decide(inCall, isWaitingInCall).catch((error: Error) => inCall.map(() => error));
        for (const [index, place] of places.entries()) {
          results[place] = itemAt(answers, index);
          answer(place, results[place]);
        }
      }),
    );
    return results;
  }

  async function decide(requests: ConsumeRequest[], isWaiting: IsWaiting): Promise<(QuotaDecision | Error)[]> {
    if (offline.isActive()) return counted(offline.decide(requests));
    refunds.throwIfFull();
    const batch = { batchId: options.newBatchId(), requests: requests.map(toMessage), sentAt: clock.monotonic() };
    let decisions: QuotaDecision[];
    try {
      decisions = await consume(batch, requests);
    } catch (error) {
      return decideUnknown(batch, requests, isWaiting, error);
    }
    if (policy === "open") {
      for (const [index, decision] of decisions.entries()) {
        offline.learn(subjectOf(itemAt(requests, index)), decision);
      }
    }
    // Requests whose own deadline passed in the meantime were rejected.
    const late = [...decisions.keys()].filter((index) => decisions[index]?.refusedBy === "none" && !isWaiting(index));
    if (late.length > 0) refunds.add(batch, late);
    return decisions;
  }

  /** Decides a batch that quota did not answer. It is refunded as a whole, since it may have been charged. */
  function decideUnknown(batch: SentBatch, requests: ConsumeRequest[], isWaiting: IsWaiting, error: unknown) {
    const places = [...requests.keys()];
    if (!isUnavailable(error) || policy === "closed" || isClosing) {
      const isInvalid = error instanceof ServiceError && error.reason === "INVALID_REQUEST";
      if (!isInvalid) refunds.add(batch, places);
      throw error;
    }
    if (!offline.isActive()) log.warn({ error }, "quota cannot be reached: requests are served and counted here");
    const waiting = places.filter(isWaiting);
    const served = waiting.map((place) => itemAt(requests, place));
    const results = requests.map((): QuotaDecision | Error => new ServiceError("DEADLINE_EXCEEDED"));
    for (const [index, decision] of counted(offline.decideUnknown(batch, served)).entries()) {
      results[itemAt(waiting, index)] = decision;
    }
    return results;
  }

  function counted(decisions: QuotaDecision[]): QuotaDecision[] {
    for (const { refusedBy } of decisions) undecided({ policy, result: refusedBy === "none" ? "served" : "refused" });
    return decisions;
  }

  async function consume({ batchId, requests: messages }: SentBatch, requests: ConsumeRequest[]) {
    const end = clock.monotonic() + options.timeoutMs;
    const message = { requests: messages, batchId };
    for (let attempt = 1; ; attempt++) {
      try {
        const { decisions, decideTime } = await quota.batchConsumeQuota(message, {
          timeoutMs: end - clock.monotonic(),
        });
        const decidedAtMs = Number(decideTime?.seconds ?? 0) * 1000;
        return decisions.map((decision, index) => toQuotaDecision(decision, itemAt(requests, index), decidedAtMs));
      } catch (error) {
        const again = error instanceof ServiceError && error.reason === "UNAVAILABLE" && clock.monotonic() < end;
        if (!again || attempt === attemptsMax) throw error;
      }
    }
  }

  const single = createBatcher<ConsumeRequest, QuotaDecision>({ ...options.batching, send });
  const bulk = createBatcher<ConsumeRequest, QuotaDecision>({
    ...options.batching,
    batchItemsMax: bulkItemsMax,
    send,
  });
  return async (request, wait) => {
    try {
      return await (request.cost === 1 ? single(request, wait) : bulk(request, wait));
    } catch (error) {
      if (isUnavailable(error)) undecided({ policy, result: "failed" });
      throw error;
    }
  };
}

/**
 * Splits requests into calls in which all requests of an account and face have the same cost and limits. Returns the positions of each
 * call's requests. The result is nearly always one call.
 */
export function splitIntoCalls(requests: ConsumeRequest[]): number[][] {
  const calls: { bySubject: Map<string, ConsumeRequest>; places: number[] }[] = [];
  for (const [place, request] of requests.entries()) {
    const subject = subjectOf(request);
    let call = calls.find(({ bySubject }) => isAlike(bySubject.get(subject) ?? request, request));
    if (!call) {
      call = { bySubject: new Map(), places: [] };
      calls.push(call);
    }
    call.bySubject.set(subject, request);
    call.places.push(place);
  }
  return calls.map(({ places }) => places);
}

function isAlike(a: ConsumeRequest, b: ConsumeRequest): boolean {
  return a.cost === b.cost && a.limits.perMinute === b.limits.perMinute && a.limits.perDay === b.limits.perDay;
}

function toMessage({ accountId, face, keyId, cost, limits }: ConsumeRequest) {
  const perMinute = BigInt(limits.perMinute);
  return { accountId, face: faceNumbers[face], keyId, cost, limits: { perMinute, perDay: BigInt(limits.perDay) } };
}

export function toQuotaDecision(
  decision: QuotaDecisionMessage,
  { limits }: { limits: Limits },
  decidedAtMs: number,
): QuotaDecision {
  const refusedBy = refusals[decision.refusedBy];
  if (refusedBy === undefined) {
    throw new ServiceError("INTERNAL_ERROR", undefined, {
      cause: new Error(`unforeseen window ${decision.refusedBy}`),
    });
  }
  return {
    refusedBy,
    minute: { limit: limits.perMinute, used: Number(decision.minuteUsed), resetS: decision.minuteResetS },
    day: { limit: limits.perDay, used: Number(decision.dayUsed), resetS: decision.dayResetS },
    decidedAtMs,
  };
}
