import { createSemaphore, type Semaphore, type Slot } from "../../../platform/concurrency/semaphore.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { siteKey } from "../../../platform/rate-limit-key.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import type { RawRequest } from "./exchange.ts";
import { jsonTextIssue } from "./json-text.ts";

/** Default maximum size of a body, in bytes. */
export const bodyBytesMax = 65_536;

/** The value read from a body, or the error that the body caused. */
export type ReadBody = { value: unknown } | { failure: ServiceError };

/** Limits how many bodies are read at the same time, in total and by address, since slow clients hold a slot for long. */
export interface BodySlots {
  /** Takes a slot, or throws UNAVAILABLE. Release it when the body has been read. */
  acquire(address: string): Slot;
}

/** Creates slots for bodies. One address, or IPv6 /48, can use at most half of them. */
export function createBodySlots({ max, metrics }: { max: number; metrics: Metrics }): BodySlots {
  const semaphore: Semaphore = createSemaphore({ max, keyMax: () => Math.ceil(max / 2) });
  const refused = metrics.counter("bodies_refused", "requests refused because too many bodies were being read");
  metrics.gauge("bodies_in_flight", "bodies being read", () => semaphore.inUse());
  return {
    acquire(address) {
      const slot = semaphore.tryAcquire(siteKey(address));
      if (slot) return slot;
      refused();
      throw new ServiceError("UNAVAILABLE", "Too many requests are being sent at once. Try again shortly.", {
        retryAfterS: 1,
      });
    },
  };
}

/**
 * Reads a request's body as strict JSON: UTF-8, not compressed, no duplicate field, no key that reaches a prototype. Returns
 * the error of an invalid body as a value, so that the caller decides when to throw it; undefined without a body. Throws
 * only UNAVAILABLE, when too many bodies are being read.
 */
export async function readJsonBody(
  request: RawRequest,
  options: { address: string; slots: BodySlots; bytesMax?: number },
): Promise<ReadBody> {
  const { headers } = request;
  if (!hasBody(request)) {
    return headers["content-type"] === undefined ? { value: undefined } : fail("INVALID_PAYLOAD", "The body is empty.");
  }
  if (!isJson(headers["content-type"])) return fail("UNSUPPORTED_MEDIA_TYPE");
  const encoding = headers["content-encoding"] ?? "identity";
  const charset = /charset="?([^";]+)/i.exec(headers["content-type"] ?? "")?.[1] ?? "utf-8";
  if (encoding !== "identity" || charset.toLowerCase() !== "utf-8") {
    return fail("UNSUPPORTED_MEDIA_TYPE", "Send application/json in UTF-8, not compressed.");
  }
  const bytesMax = options.bytesMax ?? bodyBytesMax;
  if (Number(headers["content-length"] ?? 0) > bytesMax) return tooLarge(bytesMax);
  using _slot = options.slots.acquire(options.address);
  const bytes = await readBytes(request, bytesMax);
  return bytes === undefined ? tooLarge(bytesMax) : parseJson(bytes);
}

function hasBody(request: RawRequest): boolean {
  if ("stream" in request) return !request.stream.endAfterHeaders;
  return request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(?:;|$)/i.test(contentType?.trim() ?? "");
}

/** Returns all bytes of a body; undefined if there are more than `bytesMax`. Rejects if the client disconnects early. */
async function readBytes(request: RawRequest, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const part: Buffer = chunk;
      bytes += part.length;
      if (bytes > bytesMax) {
        // Reads and drops the rest, so that the client can read the response.
        request.resume();
        return undefined;
      }
      chunks.push(part);
    }
  } catch (error) {
    throw new ServiceError("INVALID_REQUEST", "The body ended before its length.", { cause: error });
  }
  return Buffer.concat(chunks);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function parseJson(bytes: Buffer): ReadBody {
  if (bytes.length === 0) return fail("INVALID_PAYLOAD", "The body is empty.");
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (error) {
    return fail("INVALID_PAYLOAD", "The body is not valid UTF-8.", error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail("INVALID_PAYLOAD", "The body is not valid JSON.", error);
  }
  const issue = jsonTextIssue(text);
  return issue === undefined ? { value } : fail("INVALID_PAYLOAD", `The body ${issue}.`);
}

function fail(reason: "INVALID_PAYLOAD" | "UNSUPPORTED_MEDIA_TYPE", message?: string, cause?: unknown): ReadBody {
  return { failure: new ServiceError(reason, message, { cause }) };
}

function tooLarge(bytesMax: number): ReadBody {
  return { failure: new ServiceError("PAYLOAD_TOO_LARGE", `The body is over ${Math.floor(bytesMax / 1024)} KiB.`) };
}
