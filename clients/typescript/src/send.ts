import { QrForgeError } from "./errors.ts";

export interface SendOptions {
  baseUrl: string;
  apiKey: string;
  /** How long one attempt may take, in ms. */
  timeoutMs: number;
  /** Times that a request is sent again at most. */
  retriesMax: number;
  /** The longest pause before a request is sent again, in ms; an answer that asks for a longer one is given to the caller. */
  pauseMaxMs: number;
  fetch: typeof fetch;
  random(): number;
  sleep(ms: number): Promise<void>;
}

export interface Request {
  method: "GET" | "POST" | "PATCH";
  path: string;
  query?: object;
  body?: unknown;
  headers?: Record<string, string>;
  /** Whether sending it twice does no more than sending it once. */
  isRepeatable: boolean;
}

/** An answer that came whole. */
export interface Answer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
}

const firstPauseMs = 200;

/** Sends a request, and again as long as that can help and do no harm. Fails with a QrForgeError. */
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
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(options.timeoutMs),
      redirect: "error",
    });
    return { status: answer.status, headers: answer.headers, bytes: new Uint8Array(await answer.arrayBuffer()) };
  } catch (cause) {
    return new QrForgeError("No answer came from QRForge.", { status: 0, code: "connection_failed", cause });
  }
}

/** How long to wait before the request is sent again; undefined if that is of no use. */
function retryPauseMs(
  options: SendOptions,
  { isRepeatable }: Request,
  answer: Answer,
  { code }: QrForgeError,
  attempt: number,
): number | undefined {
  // A refusal for the limit, or because the same request still runs, has done nothing; what else failed may have.
  const hasDoneNothing = code === "rate_limit_minute" || (answer.status === 409 && answer.headers.has("retry-after"));
  const isPassing = [502, 503, 504].includes(answer.status);
  if (!hasDoneNothing && !(isPassing && isRepeatable)) return undefined;
  const askedMs = Number(answer.headers.get("retry-after") ?? 0) * 1_000;
  const waitMs = Math.max(askedMs, pauseMs(options, attempt));
  return askedMs <= options.pauseMaxMs ? waitMs : undefined;
}

/** Pauses that grow, of random length, so that many clients do not come back at once. */
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
