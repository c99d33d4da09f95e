/** A refusal or a failure of the API. */
export class QrForgeError extends Error {
  /** The HTTP status; 0 if no answer came. */
  readonly status: number;
  /** The code, such as `not_found`; `connection_failed` if no answer came. */
  readonly code: string;
  /** The fields at fault, if any are. */
  readonly details: { field: string; issue: string }[];
  /** Names the request, for whoever runs the service. */
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
