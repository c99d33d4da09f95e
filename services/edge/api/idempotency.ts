import { createHash } from "node:crypto";
import { idempotencyKeyIssue, idempotencyKeyPattern } from "../../../contracts/idempotency-key.ts";
import { ServiceError } from "../../../platform/errors.ts";

/** Idempotency data for a service: the client's key and a fingerprint of the request. */
export interface IdempotencyJson {
  key: string;
  requestHash: Uint8Array;
  /** Whether only the earlier answer may be returned. */
  replayOnly?: boolean;
}

/**
 * Reads the Idempotency-Key header; undefined if there is none. Two requests are equal if their operation and body are: the
 * order of a JSON object's fields does not matter, nor white space.
 */
export function readIdempotencyKey(
  header: string | string[] | undefined,
  operation: string,
  body: unknown,
): IdempotencyJson | undefined {
  if (header === undefined) return undefined;
  if (!isIdempotencyKey(header)) throw new ServiceError("INVALID_REQUEST", idempotencyKeyIssue);
  const requestHash = createHash("sha256")
    .update(`${operation}\n${canonical(body)}`)
    .digest();
  return { key: header, requestHash };
}

/** Returns whether a header is an idempotency key. */
export function isIdempotencyKey(header: string | string[] | undefined): header is string {
  return typeof header === "string" && idempotencyKeyPattern.test(header);
}

/** Returns JSON with the fields of each object sorted. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Returns the header of a replayed response. */
export function replayHeaders(replayed: boolean): Record<string, string> {
  return replayed ? { "idempotent-replayed": "true" } : {};
}
