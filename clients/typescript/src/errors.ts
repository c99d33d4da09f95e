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

  constructor(
    message: string,
    about: {
      status: number;
      code: string;
      details?: { field: string; issue: string }[];
      requestId?: string | undefined;
      cause?: unknown;
    },
  ) {
    super(message, { cause: about.cause });
    this.name = "QrForgeError";
    this.status = about.status;
    this.code = about.code;
    this.details = about.details ?? [];
    this.requestId = about.requestId;
  }
}
