import {
  type QuotaDecision as QuotaDecisionMessage,
  type QuotaService,
  Window,
} from "../../../gen/qrforge/quota/v1/quota_pb.ts";
import { createBatcher } from "../../../platform/concurrency/batcher.ts";
import { isUnavailable, ServiceError } from "../../../platform/errors.ts";
import type { RpcClient } from "../../../platform/rpc/client.ts";
import type { AccountLimits, QuotaDecision } from "../pipeline/rate-limit-headers.ts";
import { type OfflineQuotaOptions, openOfflineQuota } from "./offline-quota.ts";
import type { ConsumeRequest } from "./offline-windows.ts";

/** Charges a request, or returns which window has no room. */
export type ConsumeQuota = (request: ConsumeRequest, wait: { timeoutMs: number }) => Promise<QuotaDecision>;

export interface QuotaClientOptions extends OfflineQuotaOptions {
  quota: RpcClient<typeof QuotaService>;
  /** What happens while quota cannot be reached: requests are refused, or served and counted here. */
  policy: "closed" | "open";
  timeoutMs: number;
  batching: { batchItemsMax: number; inFlightMax: number; queuedItemsMax: number };
}

const refusals = { [Window.UNSPECIFIED]: "none", [Window.MINUTE]: "minute", [Window.DAY]: "day" } as const;
/** Calls for one batch at most: what was charged is not charged again, and another replica may be well. */
const attemptsMax = 3;
/** Requests of other costs than 1 that leave together at most: each may need a call of its own, and all wait for the last. */
const bulkItemsMax = 16;

/**
 * Has requests charged by quota, in batches. While quota cannot be reached the policy decides. If that is `open`, the edge
 * decides from the windows it knew last, and reports what it counted, once, before it asks quota again.
 */
export function openQuotaClient(options: QuotaClientOptions): ConsumeQuota {
  const { quota, policy, clock, log } = options;
  const undecided = options.metrics.counter(
    "quota_unreachable_requests",
    "requests that quota could not decide, by policy and result",
  );
  const offline = openOfflineQuota(options);
  let isClosing = false;
  options.closer.defer("quota client", () => {
    isClosing = true;
  });

  /** Sends what leaves together, in as many calls as quota's contract asks for. */
  async function send(requests: ConsumeRequest[]): Promise<(QuotaDecision | Error)[]> {
    await offline.ready();
    const results = new Array<QuotaDecision | Error>(requests.length);
    await Promise.all(
      splitIntoCalls(requests).map(async (places) => {
        const inCall = places.map((place) => requests[place] as ConsumeRequest);
        const answers = await decide(inCall).catch((error: Error) => inCall.map(() => error));
        for (const [index, place] of places.entries()) results[place] = answers[index] as QuotaDecision | Error;
      }),
    );
    return results;
  }

  async function decide(requests: ConsumeRequest[]): Promise<QuotaDecision[]> {
    if (offline.isActive()) return counted(offline.decide(requests));
    const batchId = options.newBatchId();
    const sentAt = clock.monotonic();
    try {
      const decisions = await consume(requests, batchId);
      if (policy === "open") {
        for (const [index, { accountId }] of requests.entries()) {
          offline.learn(accountId, decisions[index] as QuotaDecision);
        }
      }
      return decisions;
    } catch (error) {
      if (!isUnavailable(error) || policy === "closed" || isClosing) throw error;
      if (!offline.isActive()) log.warn({ error }, "quota cannot be reached: requests are served and counted here");
      // Whether this batch was charged is not known. Its counts are reported under its id, and left out if it was.
      return counted(offline.decideUnknown({ batchId, sentAt }, requests));
    }
  }

  function counted(decisions: QuotaDecision[]): QuotaDecision[] {
    for (const { refusedBy } of decisions) undecided({ policy, result: refusedBy === "none" ? "served" : "refused" });
    return decisions;
  }

  async function consume(requests: ConsumeRequest[], batchId: string): Promise<QuotaDecision[]> {
    const end = clock.monotonic() + options.timeoutMs;
    const message = { requests: requests.map(toMessage), batchId };
    for (let attempt = 1; ; attempt++) {
      try {
        const { decisions, decideTime } = await quota.batchConsumeQuota(message, {
          timeoutMs: end - clock.monotonic(),
        });
        const decidedAtMs = Number(decideTime?.seconds ?? 0) * 1000;
        return decisions.map((decision, index) =>
          toQuotaDecision(decision, requests[index] as ConsumeRequest, decidedAtMs),
        );
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
 * Splits requests into calls in which all requests of an account have the same cost and limits; returns the places of each
 * call's requests. Nearly always it is one call.
 */
export function splitIntoCalls(requests: ConsumeRequest[]): number[][] {
  const calls: { byAccount: Map<string, ConsumeRequest>; places: number[] }[] = [];
  for (const [place, request] of requests.entries()) {
    let call = calls.find(({ byAccount }) => isAlike(byAccount.get(request.accountId) ?? request, request));
    if (!call) {
      call = { byAccount: new Map(), places: [] };
      calls.push(call);
    }
    call.byAccount.set(request.accountId, request);
    call.places.push(place);
  }
  return calls.map(({ places }) => places);
}

function isAlike(a: ConsumeRequest, b: ConsumeRequest): boolean {
  return a.cost === b.cost && a.limits.perMinute === b.limits.perMinute && a.limits.perDay === b.limits.perDay;
}

function toMessage({ accountId, keyId, cost, limits }: ConsumeRequest) {
  const perMinute = BigInt(limits.perMinute);
  return { accountId, keyId, cost, limits: { perMinute, perDay: BigInt(limits.perDay) } };
}

export function toQuotaDecision(
  decision: QuotaDecisionMessage,
  { limits }: { limits: AccountLimits },
  decidedAtMs: number,
): QuotaDecision {
  return {
    refusedBy: refusals[decision.refusedBy as keyof typeof refusals],
    minute: { limit: limits.perMinute, used: Number(decision.minuteUsed), resetS: decision.minuteResetS },
    day: { limit: limits.perDay, used: Number(decision.dayUsed), resetS: decision.dayResetS },
    decidedAtMs,
  };
}
