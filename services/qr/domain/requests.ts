import { idempotencyKeyIssue, idempotencyKeyPattern } from "../../../contracts/idempotency-key.ts";
import { resourceIdPattern } from "../../../contracts/resource-id.ts";
import type { Idempotency } from "../../../gen/qrforge/qr/v1/idempotency_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Once } from "./idempotency.ts";

export const itemsPerCallMax = 1_000;
const activeCodesMaxMax = 1_000_000_000_000n;
export const pageBounds = { fallback: 50, max: 100 };

export function requireAccount(accountId: string): void {
  if (!/^[0-9A-Za-z]{1,40}$/.test(accountId)) {
    throw new ServiceError("INVALID_REQUEST", "account_id must be an account's id");
  }
}

export function requireItems(count: number, field: string, max = itemsPerCallMax): void {
  if (count === 0 || count > max) throw new ServiceError("INVALID_REQUEST", `${field} must hold 1 to ${max} items`);
}

/** Returns the number of codes that an account's plan allows to be active; 0 is unlimited. */
export function readMax(activeCodesMax: bigint): number {
  if (activeCodesMax < 0n || activeCodesMax > activeCodesMaxMax) {
    throw new ServiceError("INVALID_REQUEST", `active_codes_max must be from 0 to ${activeCodesMaxMax}`);
  }
  return Number(activeCodesMax);
}

/** Returns an id that may exist. Throws `reason`, as a lookup would, if it has not the form of one. */
export function validId(id: string, reason: "NOT_FOUND" | "PROJECT_NOT_FOUND" | "INVALID_REQUEST"): string {
  if (!resourceIdPattern.test(id)) throw new ServiceError(reason);
  return id;
}

/** Returns the key under which a request is handled once; undefined if it has none. */
export function readIdempotency(accountId: string, idempotency: Idempotency | undefined): Once | undefined {
  if (!idempotency?.key) return undefined;
  const { key, requestHash, replayOnly } = idempotency;
  if (!idempotencyKeyPattern.test(key)) {
    throw new ServiceError("INVALID_REQUEST", idempotencyKeyIssue);
  }
  if (requestHash.length !== 32) throw new ServiceError("INVALID_REQUEST", "request_hash must be 32 bytes");
  return { accountId, key, requestHash, replayOnly };
}
