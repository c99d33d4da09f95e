import { QrForgeError } from "./errors.ts";

export interface SendOptions {
  baseUrl: string;
  apiKey: string;
  /** Timeout of one attempt, in ms. */
  timeoutMs: number;
  /** Maximum number of retries. */
  retriesMax: number;
  /** Maximum delay before a retry, in ms; a response that asks for a longer one is returned as an error. */
  pauseMaxMs: number;
  fetch: typeof fetch;
  random(): number;
  sleep(ms: number): Promise<void>;
}

export interface Request {
  method: "GET" | "POST" | "PATCH";
  path: string;
  query?: object;
  /** A value that is sent as JSON, or a file whose type is in `headers`. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Whether the request is idempotent. */
  isRepeatable: boolean;
}

/** A complete response. */
export interface Answer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
}

const firstPauseMs = 200;

/** Sends a request, and retries it if that is safe and useful. Fails with a QrForgeError. */
export async function send(options: SendOptions, request: Request): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await sendOnce(options, request);
    const mayRetry = attempt < options.retriesMax;
    if (outcome instanceof QrForgeError) {
      if (!mayRetry || !request.isRepeatable) throw outcome;
      await options.sleep(pauseMs(options, attempt));
      continue;
    }
    if (outcome.status < 400) return outcome;
    const failure = toError(outcome);
    const waitMs = mayRetry ? retryPauseMs(options, request, outcome, failure, attempt) : undefined;
    if (waitMs === undefined) throw failure;
    await options.sleep(waitMs);
  }
}

async function sendOnce(
  options: SendOptions,
  { method, path, query, body, headers }: Request,
): Promise<Answer | QrForgeError> {
  const url = new URL(options.baseUrl.replace(/\/+$/, "") + path);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  try {
    const answer = await options.fetch(url, {
      method,
      headers: {
        "x-api-key": options.apiKey,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: body instanceof Blob ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(options.timeoutMs),
      redirect: "error",
    });
    return { status: answer.status, headers: answer.headers, bytes: new Uint8Array(await answer.arrayBuffer()) };
  } catch (cause) {
    return new QrForgeError("No answer came from QRForge.", { status: 0, code: "connection_failed", cause });
  }
}

/** Returns the delay before the next retry, in ms; undefined if a retry is useless. */
function retryPauseMs(
  options: SendOptions,
  { isRepeatable }: Request,
  answer: Answer,
  { code }: QrForgeError,
  attempt: number,
): number | undefined {
  // A rejection by a rate limit, or because the same request still runs, had no effect; other failures may have had one.
  const hasDoneNothing = ["rate_limit_minute", "idempotency_in_progress"].includes(code);
  const isPassing = [502, 503, 504].includes(answer.status);
  if (!hasDoneNothing && !(isPassing && isRepeatable)) return undefined;
  const askedMs = Number(answer.headers.get("retry-after") ?? 0) * 1_000;
  const waitMs = Math.max(askedMs, pauseMs(options, attempt));
  return askedMs <= options.pauseMaxMs ? waitMs : undefined;
}

/** Returns a growing, random delay, so that many clients do not retry at the same time. */
function pauseMs({ random, pauseMaxMs }: SendOptions, attempt: number): number {
  return Math.min(pauseMaxMs, firstPauseMs * 2 ** attempt) * (0.5 + random() / 2);
}

function toError({ status, headers, bytes }: Answer): QrForgeError {
  const about = { status, requestId: headers.get("x-request-id") ?? undefined };
  try {
    const { code, message, details } = JSON.parse(new TextDecoder().decode(bytes));
    return new QrForgeError(String(message), { ...about, code: String(code), details });
  } catch (cause) {
    return new QrForgeError(`QRForge answered ${status}.`, { ...about, code: "unexpected_answer", cause });
  }
}
