import type { IncomingHttpHeaders } from "node:http";
import type { Limits } from "../../../contracts/quota-rule.ts";
import type { CreatedVia } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { FairQueue } from "./fair-queue.ts";
import type { RequestSlots } from "./load-shedding.ts";
import { type QuotaDecision, rateLimitHeaders } from "./rate-limit-headers.ts";

/** A request on its way through the pipeline, whichever face it came by. */
export interface Call {
  /** Names in lower case. */
  headers: IncomingHttpHeaders;
  /** The client's address. */
  address: string;
  /** Returns the milliseconds left for everything that is asked on its behalf; at least 1. */
  remainingMs(): number;
  /** Sets headers that the answer has from now on, whatever becomes of the request. */
  setHeaders(headers: Record<string, string>): void;
}

/** Who calls. */
export interface Caller {
  accountId: string;
  /** Empty for a person in the dashboard. */
  keyId: string;
  limits: Limits;
  createdVia: CreatedVia;
}

/** Finds the caller of a call. Rejects with UNAUTHORIZED, API_KEY_INACTIVE or a limit on guessing. */
export type Authenticate = (call: Call) => Promise<Caller>;

/** What is to be done for a caller, and how many units it costs. */
export interface Work<T> {
  cost: number;
  /** Validates the input and does the work. What it throws stays charged. */
  handle(decision: QuotaDecision): Promise<T>;
}

/**
 * What every call passes, in this order:
 *
 *     authenticate → read input → enter the account's place → consume quota → validate → handle → answer
 *
 * A face authenticates, reads the input in its own way, and runs the work. A request that is refused for overload or time
 * has not been charged: what may refuse it comes before the charge, once.
 */
export interface Pipeline {
  /**
   * Takes a slot and the account's place, consumes quota, and does the work. Rejects with UNAVAILABLE, DEADLINE_EXCEEDED or
   * a rate limit before the work has begun; nothing has been charged then.
   */
  run<T>(caller: Caller, call: Call, work: Work<T>): Promise<T>;
}

export interface PipelineOptions {
  /** Charges a call, or returns which window has no room. */
  consumeQuota(caller: Caller, cost: number, options: { timeoutMs: number }): Promise<QuotaDecision>;
  slots: RequestSlots;
  fairQueue: FairQueue;
}

export function createPipeline({ consumeQuota, slots, fairQueue }: PipelineOptions): Pipeline {
  return {
    async run(caller, call, { cost, handle }) {
      using _slot = slots.acquire();
      using _place = await fairQueue.acquire(caller.accountId, { timeoutMs: call.remainingMs() });
      const decision = await consumeQuota(caller, cost, { timeoutMs: call.remainingMs() });
      call.setHeaders(rateLimitHeaders(decision));
      throwIfRefused(decision);
      return await handle(decision);
    },
  };
}

function throwIfRefused({ refusedBy }: QuotaDecision): void {
  if (refusedBy === "minute") throw new ServiceError("RATE_LIMIT_MINUTE");
  if (refusedBy === "day") throw new ServiceError("RATE_LIMIT_DAY");
}

/** Returns what tells the milliseconds left of a time that begins now; at least 1. */
export function startTimeout(timeoutMs: number): () => number {
  const end = performance.now() + timeoutMs;
  return () => Math.max(1, end - performance.now());
}
