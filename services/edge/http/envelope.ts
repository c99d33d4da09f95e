import { catalogue, type ServiceError } from "../../../platform/errors.ts";
import type { RouteAnswer } from "../api/route.ts";

export const apiVersion = "2025-11-14-v1";
export const jsonType = "application/json; charset=utf-8";

/** Headers of every answer that has no others of the kind: it is not stored, and no browser guesses another type for it. */
export const answerHeaders = { "cache-control": "private, no-store", "x-content-type-options": "nosniff" };

/** Headers of an answer for its caller alone, which may be stored and is asked for again by its ETag. */
export const privateHeaders = { "cache-control": "private, no-cache" };

/** Returns the WWW-Authenticate header of an error, which RFC 9110, section 15.5.2, requires of every 401. */
export function challengeOf({ reason }: ServiceError, scheme = "ApiKey"): Record<string, string> {
  const isUnauthorized = catalogue[reason].http === catalogue.UNAUTHORIZED.http;
  return isUnauthorized ? { "www-authenticate": `${scheme} realm="qrforge"` } : {};
}

/** The body of a successful answer. */
export function successBody(requestId: string, answer: RouteAnswer): string {
  const { data, items, nextPageToken } = answer;
  const content = items ? { items, next_page_token: nextPageToken || null } : { data };
  return JSON.stringify({ ok: true, version: apiVersion, request_id: requestId, ...content });
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

/** Returns the status and headers of an error. */
export function errorHead(error: ServiceError): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = { "content-type": jsonType, ...answerHeaders, ...challengeOf(error) };
  if (error.retryAfterS !== undefined) headers["retry-after"] = String(error.retryAfterS);
  return { status: catalogue[error.reason].http, headers };
}
