import type { IncomingHttpHeaders } from "node:http";
import type { Face, Limits } from "../../../contracts/quota-rule.ts";
import type { CreatedVia } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { FairQueue } from "./fair-queue.ts";
import type { RequestSlots } from "./load-shedding.ts";
import { type QuotaDecision, rateLimitHeaders } from "./rate-limit-headers.ts";

/** A request in the pipeline, from REST, RPC or the dashboard. */
export interface Call {
  /** Request headers; names are in lower case. */
  headers: IncomingHttpHeaders;
  /** The client's address. */
  address: string;
  /** Returns the time left for all upstream calls of this request, in ms; at least 1. */
  remainingMs(): number;
  /** Sets response headers, which are sent whether the request succeeds or fails. */
  setHeaders(headers: Record<string, string>): void;
}

/** The authenticated caller. */
export interface Caller {
  accountId: string;
  /** What the request came through: its windows are charged. */
  face: Face;
  /** Id of the API key; empty for a user of the dashboard. */
  keyId: string;
  limits: Limits;
  /** Number of codes that its plan allows to be active; 0 is unlimited. */
  activeCodesMax: bigint;
  createdVia: CreatedVia;
}

/** Authenticates a request and returns its caller. Rejects with UNAUTHORIZED, API_KEY_INACTIVE or RATE_LIMIT_MINUTE. */
export type Authenticate = (call: Call) => Promise<Caller>;

/** The work of a call. */
export interface Work<T> {
  /** Cost in units; 0 for a read of the dashboard, which quota does not charge. */
  cost: number;
  /**
   * Returns whether the call was made before under its idempotency key; then it costs one, and may only return the earlier
   * answer. Asked if it costs more.
   */
  isReplay?(timeoutMs: number): Promise<boolean>;
  /** Validates the input and does the work. A call that throws remains charged. */
  handle(decision: QuotaDecision, replayOnly: boolean): Promise<T>;
}

/**
 * Runs every call through these steps, in order:
 *
 *     authenticate → read input → enter the account's place → consume quota → validate → handle → answer
 *
 * REST, RPC and the dashboard each authenticate and read the input, then call `run`. A request that is rejected for
 * overload or time is not charged: every such check precedes the charge.
 */
export interface Pipeline {
  /**
   * Acquires a slot and the account's place, consumes quota and does the work. Rejects with UNAVAILABLE,
   * DEADLINE_EXCEEDED or a rate limit before the work begins; nothing is charged in that case.
   */
  run<T>(caller: Caller, call: Call, work: Work<T>): Promise<T>;
}

export interface PipelineOptions {
  /** Charges a call, or returns the window that is exhausted. */
  consumeQuota(caller: Caller, cost: number, options: { timeoutMs: number }): Promise<QuotaDecision>;
  slots: RequestSlots;
  fairQueue: FairQueue;
}

export function createPipeline({ consumeQuota, slots, fairQueue }: PipelineOptions): Pipeline {
  return {
    async run(caller, call, { cost, isReplay, handle }) {
      using _slot = slots.acquire();
      using _place = await fairQueue.acquire(caller.accountId, { timeoutMs: call.remainingMs() });
      const isCheap = cost > 1 && ((await isReplay?.(call.remainingMs())) ?? false);
      const impossible = isCheap ? undefined : describeImpossible(caller.limits, cost);
      const charged = isCheap || impossible ? 1 : cost;
      const decision = await consumeQuota(caller, charged, { timeoutMs: call.remainingMs() });
      call.setHeaders(rateLimitHeaders(decision));
      throwIfRefused(decision);
      if (impossible) throw new ServiceError("INVALID_PAYLOAD", impossible);
      return await handle(decision, isCheap);
    },
  };
}

/** Returns why no window can ever hold a cost; undefined if both can. Such a request must not be told to wait. */
function describeImpossible({ perMinute, perDay }: Limits, cost: number): string | undefined {
  const windows = [
    ["minute", perMinute],
    ["day", perDay],
  ] as const;
  for (const [window, limit] of windows) {
    // 0 is unlimited.
    if (limit > 0 && cost > limit) {
      return `This request counts as ${cost}, and the account's limit is ${limit} a ${window}: send at most ${limit} at once.`;
    }
  }
  return undefined;
}

function throwIfRefused({ refusedBy, minute, day }: QuotaDecision): void {
  if (refusedBy === "minute") throw new ServiceError("RATE_LIMIT_MINUTE", undefined, { retryAfterS: minute.resetS });
  if (refusedBy === "day") throw new ServiceError("RATE_LIMIT_DAY", undefined, { retryAfterS: day.resetS });
}

/** Returns a function that returns the time left of a timeout that starts now, in ms; at least 1. */
export function startTimeout(timeoutMs: number): () => number {
  const end = performance.now() + timeoutMs;
  return () => Math.max(1, end - performance.now());
}
