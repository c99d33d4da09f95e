import { catalogue, type ServiceError } from "../../../platform/errors.ts";
import type { RouteAnswer } from "../api/route.ts";

export const apiVersion = "2025-11-14-v1";
export const jsonType = "application/json; charset=utf-8";

/** The body of a successful answer. */
export function successBody(requestId: string, answer: RouteAnswer): string {
  const { data, nextCursor } = answer;
  const list = nextCursor === undefined ? {} : { next_cursor: nextCursor };
  return JSON.stringify({ ok: true, version: apiVersion, request_id: requestId, data, ...list });
}

/** The body of a refused request or a failed one. */
export function errorBody(requestId: string, failure: ServiceError): string {
  const details = failure.fields.length > 0 ? { details: failure.fields } : {};
  return JSON.stringify({
    ok: false,
    version: apiVersion,
    request_id: requestId,
    code: failure.reason.toLowerCase(),
    message: failure.message,
    ...details,
  });
}

/** The status and headers of a failure. */
export function errorHead(failure: ServiceError): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = { "content-type": jsonType };
  if (failure.retryAfterS !== undefined) headers["retry-after"] = String(failure.retryAfterS);
  return { status: catalogue[failure.reason].http, headers };
}
