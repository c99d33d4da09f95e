import { invalidOption, QrForgeError } from "./errors.ts";
import { type RateLimit, readRateLimits } from "./rate-limits.ts";

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
  /** Called after each response with what is left of the account's windows. */
  onRateLimits?(limits: RateLimit[]): void;
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
  /** Ends the request, and the pauses between its attempts. */
  signal?: AbortSignal | undefined;
}

/** A complete response. */
export interface Answer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
}

const firstPauseMs = 200;

/** Throws a QrForgeError that says what to change if a request could never be sent with these options. */
export function requireUsable({ baseUrl, apiKey }: Pick<SendOptions, "baseUrl" | "apiKey">): void {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol)) {
    throw invalidOption("baseUrl", "must be an absolute URL such as https://qr.example.com");
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw invalidOption("baseUrl", "must have no user name, password, query or fragment");
  }
  if (!/^[!-~]+$/.test(apiKey)) {
    throw invalidOption("apiKey", "must be a key of QRForge: not empty, without blanks and line ends");
  }
}

/** Sends a request, and retries it if that is safe and useful. Fails with a QrForgeError, or the reason of its signal. */
export async function send(options: SendOptions, request: Request): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await sendOnce(options, request);
    const mayRetry = attempt < options.retriesMax;
    if (!(outcome instanceof QrForgeError)) options.onRateLimits?.(readRateLimits(outcome.headers));
    if (outcome instanceof QrForgeError) {
      if (!mayRetry || !request.isRepeatable) throw outcome;
      await pause(options, request, pauseMs(options, attempt));
      continue;
    }
    if (outcome.status < 400) return outcome;
    const failure = toError(outcome);
    const waitMs = mayRetry ? retryPauseMs(options, request, outcome, failure, attempt) : undefined;
    if (waitMs === undefined) throw failure;
    await pause(options, request, waitMs);
  }
}

/** Waits before a retry. Throws the reason of the request's signal as soon as it is aborted. */
async function pause(options: SendOptions, { signal }: Request, ms: number): Promise<void> {
  if (!signal) return await options.sleep(ms);
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
  });
  try {
    await Promise.race([options.sleep(ms), aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function sendOnce(
  options: SendOptions,
  { method, path, query, body, headers, signal }: Request,
): Promise<Answer | QrForgeError> {
  signal?.throwIfAborted();
  const url = new URL(options.baseUrl.replace(/\/+$/, "") + path);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  // Outside of the attempt: what cannot be written is no lost connection, and is not retried.
  const init = {
    method,
    headers: {
      "x-api-key": options.apiKey,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: body instanceof Blob ? body : JSON.stringify(body) }),
    redirect: "error",
  } as const;
  const timeout = AbortSignal.timeout(options.timeoutMs);
  try {
    const answer = await options.fetch(url, {
      ...init,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return { status: answer.status, headers: answer.headers, bytes };
  } catch (cause) {
    signal?.throwIfAborted();
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
  const retryAfter = headers.get("retry-after");
  const about = {
    status,
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfterMs: retryAfter === null ? undefined : Number(retryAfter) * 1_000,
  };
  try {
    const { code, message, details } = JSON.parse(new TextDecoder().decode(bytes));
    return new QrForgeError(String(message), { ...about, code: String(code), details });
  } catch (cause) {
    return new QrForgeError(`QRForge answered ${status}.`, { ...about, code: "unexpected_answer", cause });
  }
}
