import type { FieldIssue } from "../contracts/field-issue.ts";

/**
 * The one catalogue of errors: where a reason meets a gRPC code, an HTTP status, a public code and a public message.
 * The reasons are those of `qrforge.common.v1.ErrorReason`; a test keeps the two and docs/errors.md in agreement.
 */

/** The gRPC status codes in use, by number: https://grpc.io/docs/guides/status-codes/ */
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

/** Every reason: its gRPC code, its HTTP status, and what the public reads unless the error says it better. */
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
  SIGN_IN_LIMITED: {
    grpc: grpcCode.RESOURCE_EXHAUSTED,
    http: 429,
    message: "Too many failed sign-ins. Try again later.",
  },
  KEY_NOT_ACTIVE: { grpc: grpcCode.FAILED_PRECONDITION, http: 409, message: "The key is not active." },
} as const satisfies Record<string, Entry>;

export type Reason = keyof typeof catalogue;

/** Whether a text is a reason of the catalogue. */
export function isReason(text: string): text is Reason {
  return Object.hasOwn(catalogue, text);
}

export type { FieldIssue };

export interface ServiceErrorOptions {
  /** Fields at fault, for INVALID_PAYLOAD and INVALID_REQUEST. */
  fields?: FieldIssue[];
  /** Whole seconds after which the same request can succeed. */
  retryAfterS?: number;
  /** What really happened; stays inside the process. */
  cause?: unknown;
}

/** A failure with a reason from the catalogue. Its message is public. */
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

/** The failure that an unknown error is to the outside: itself if it is one, else INTERNAL_ERROR with it as cause. */
export function toServiceError(error: unknown): ServiceError {
  return error instanceof ServiceError ? error : new ServiceError("INTERNAL_ERROR", undefined, { cause: error });
}

/** Whether an error means that who was asked could not be reached, or not in time. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof ServiceError && (error.reason === "UNAVAILABLE" || error.reason === "DEADLINE_EXCEEDED");
}

/** Throws INVALID_PAYLOAD if any field is at fault. */
export function throwIfFieldIssues(fields: FieldIssue[]): void {
  if (fields.length > 0) throw new ServiceError("INVALID_PAYLOAD", describeFields(fields), { fields });
}

/** Throws INVALID_PAYLOAD for one field. */
export function rejectField(field: string, issue: string): never {
  throw new ServiceError("INVALID_PAYLOAD", describeFields([{ field, issue }]), { fields: [{ field, issue }] });
}

/** A sentence that names the fields at fault. */
export function describeFields(fields: FieldIssue[]): string {
  return fields.map(({ field, issue }) => `${field} ${issue}`).join("; ");
}
