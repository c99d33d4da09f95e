/** An error of the API or of the connection to it. */
export class QrForgeError extends Error {
  /** The HTTP status; 0 without a response. */
  readonly status: number;
  /** The code, such as `not_found`; `connection_failed` without a response. */
  readonly code: string;
  /** The invalid fields, if any. */
  readonly details: { field: string; issue: string }[];
  /** Id of the request, for the operator of the service. */
  readonly requestId: string | undefined;
  /** Delay after which the request may succeed, in ms, if the API asked for one. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    about: {
      status: number;
      code: string;
      details?: { field: string; issue: string }[];
      requestId?: string | undefined;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    },
  ) {
    super(message, { cause: about.cause });
    this.name = "QrForgeError";
    this.status = about.status;
    this.code = about.code;
    this.details = about.details ?? [];
    this.requestId = about.requestId;
    this.retryAfterMs = about.retryAfterMs;
  }
}

/** Returns the error of an option that cannot be used; there is no response. */
export function invalidOption(name: string, issue: string): QrForgeError {
  return new QrForgeError(`${name} ${issue}.`, {
    status: 0,
    code: "invalid_option",
    details: [{ field: name, issue }],
  });
}
