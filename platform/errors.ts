import type { FieldIssue } from "../contracts/field-issue.ts";

/**
 * Catalogue of errors: maps each reason to its gRPC code, HTTP status and public message. The reasons are those of
 * `qrforge.common.v1.ErrorReason`; a test compares both and docs/errors.md.
 */

/** gRPC status codes in use: https://grpc.io/docs/guides/status-codes/ */
export const grpcCode = {
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

interface Entry {
  grpc: number;
  http: number;
  message: string;
}

/** Each reason with its gRPC code, HTTP status and default public message. */
export const catalogue = {
  INVALID_REQUEST: { grpc: grpcCode.INVALID_ARGUMENT, http: 400, message: "The request is malformed." },
  INVALID_PAYLOAD: { grpc: grpcCode.INVALID_ARGUMENT, http: 400, message: "The body has fields at fault." },
  UNAUTHORIZED: { grpc: grpcCode.UNAUTHENTICATED, http: 401, message: "API key not found or inactive" },
  API_KEY_INACTIVE: { grpc: grpcCode.UNAUTHENTICATED, http: 401, message: "The API key was revoked." },
  FORBIDDEN: { grpc: grpcCode.PERMISSION_DENIED, http: 403, message: "This is not allowed to API keys." },
  NOT_FOUND: { grpc: grpcCode.NOT_FOUND, http: 404, message: "There is no such resource." },
  PROJECT_NOT_FOUND: { grpc: grpcCode.NOT_FOUND, http: 404, message: "There is no such project in this account." },
  METHOD_NOT_ALLOWED: { grpc: grpcCode.UNIMPLEMENTED, http: 405, message: "This path does not take this method." },
  CONFLICT: { grpc: grpcCode.ALREADY_EXISTS, http: 409, message: "The resource exists already." },
  IDEMPOTENCY_CONFLICT: {
    grpc: grpcCode.INVALID_ARGUMENT,
    http: 422,
    message: "This Idempotency-Key was used for another request.",
  },
  IDEMPOTENCY_IN_PROGRESS: {
    grpc: grpcCode.ABORTED,
    http: 409,
    message: "The first request with this Idempotency-Key is still running.",
  },
  RESOURCE_ARCHIVED: { grpc: grpcCode.FAILED_PRECONDITION, http: 409, message: "The code is archived." },
  PRECONDITION_FAILED: { grpc: grpcCode.ABORTED, http: 412, message: "The resource has changed since it was read." },
  PAYLOAD_TOO_LARGE: { grpc: grpcCode.INVALID_ARGUMENT, http: 413, message: "The body is over 64 KiB." },
  UNSUPPORTED_MEDIA_TYPE: { grpc: grpcCode.INVALID_ARGUMENT, http: 415, message: "Send application/json." },
  RATE_LIMIT_MINUTE: { grpc: grpcCode.RESOURCE_EXHAUSTED, http: 429, message: "Too many requests this minute." },
  RATE_LIMIT_DAY: { grpc: grpcCode.RESOURCE_EXHAUSTED, http: 429, message: "Too many requests today." },
  INTERNAL_ERROR: { grpc: grpcCode.INTERNAL, http: 500, message: "Something went wrong on our side." },
  UNAVAILABLE: { grpc: grpcCode.UNAVAILABLE, http: 503, message: "The service is not available. Try again shortly." },
  DEADLINE_EXCEEDED: { grpc: grpcCode.DEADLINE_EXCEEDED, http: 504, message: "The answer did not come in time." },
  KEY_LIMIT_REACHED: {
    grpc: grpcCode.FAILED_PRECONDITION,
    http: 409,
    message: "The plan allows no further active key.",
  },
  CODE_LIMIT_REACHED: {
    grpc: grpcCode.FAILED_PRECONDITION,
    http: 409,
    message: "The plan allows no further active code.",
  },
  SIGN_IN_LIMITED: {
    grpc: grpcCode.RESOURCE_EXHAUSTED,
    http: 429,
    message: "Too many failed sign-ins. Try again later.",
  },
  KEY_NOT_ACTIVE: { grpc: grpcCode.FAILED_PRECONDITION, http: 409, message: "The key is not active." },
} as const satisfies Record<string, Entry>;

export type Reason = keyof typeof catalogue;

/** Returns whether a text is a reason of the catalogue. */
export function isReason(text: string): text is Reason {
  return Object.hasOwn(catalogue, text);
}

export type { FieldIssue };

export interface ServiceErrorOptions {
  /** Invalid fields, for INVALID_PAYLOAD and INVALID_REQUEST. */
  fields?: FieldIssue[];
  /** Delay after which the same request may succeed, in whole seconds. */
  retryAfterS?: number;
  /** Original error; logged, never sent to a client. */
  cause?: unknown;
}

/** An error with a reason of the catalogue. Its message is public. */
export class ServiceError extends Error {
  readonly reason: Reason;
  readonly fields: FieldIssue[];
  readonly retryAfterS: number | undefined;

  constructor(reason: Reason, message: string = catalogue[reason].message, options: ServiceErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "ServiceError";
    this.reason = reason;
    this.fields = options.fields ?? [];
    this.retryAfterS = options.retryAfterS;
  }
}

/** Returns a ServiceError unchanged, and any other error as INTERNAL_ERROR with the error as its cause. */
export function toServiceError(error: unknown): ServiceError {
  return error instanceof ServiceError ? error : new ServiceError("INTERNAL_ERROR", undefined, { cause: error });
}

/** Returns whether an error means that the callee was unreachable or did not answer in time. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof ServiceError && (error.reason === "UNAVAILABLE" || error.reason === "DEADLINE_EXCEEDED");
}

/** Throws INVALID_PAYLOAD if `fields` is not empty. */
export function throwIfFieldIssues(fields: FieldIssue[]): void {
  if (fields.length > 0) throw new ServiceError("INVALID_PAYLOAD", describeFields(fields), { fields });
}

/** Throws INVALID_PAYLOAD for one field. */
export function rejectField(field: string, issue: string): never {
  throw new ServiceError("INVALID_PAYLOAD", describeFields([{ field, issue }]), { fields: [{ field, issue }] });
}

/** Returns one line that names the invalid fields and their issues. */
export function describeFields(fields: FieldIssue[]): string {
  return fields.map(({ field, issue }) => `${field} ${issue}`).join("; ");
}
