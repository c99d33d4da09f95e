import { limits } from "../../../contracts/limits.ts";
import { createSemaphore, type Semaphore, type Slot } from "../../../platform/concurrency/semaphore.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { siteKey } from "../../../platform/rate-limit-key.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import type { RawRequest } from "./exchange.ts";
import { jsonTextIssue } from "./json-text.ts";

/** Default maximum size of a body, in bytes. */
export const bodyBytesMax = 65_536;

/** Maximum size of the body with a logo, in bytes: in base64, perhaps in lines, and some JSON around it. */
export const logoBodyBytesMax = 1_500_000;

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
  const encoding = headers["content-encoding"]?.trim() || "identity";
  const charset = /charset="?([^";]+)/i.exec(headers["content-type"] ?? "")?.[1]?.trim() ?? "utf-8";
  if (encoding.toLowerCase() !== "identity" || !/^utf-?8$/i.test(charset)) {
    return fail("UNSUPPORTED_MEDIA_TYPE", "Send application/json in UTF-8, not compressed.");
  }
  const bytesMax = options.bytesMax ?? bodyBytesMax;
  if (Number(headers["content-length"] ?? 0) > bytesMax) return tooLarge(bytesMax);
  using _slot = options.slots.acquire(options.address);
  const bytes = await readBytes(request, bytesMax);
  return bytes === undefined ? tooLarge(bytesMax) : parseJson(bytes);
}

const pictureType = /^(image\/(?:png|jpe?g|svg\+xml))\s*(?:;|$)/i;
const pictureTypes = "Send image/png, image/jpeg or image/svg+xml, or application/json with a data URL.";

/** Reads a body as JSON that may hold a picture, or as the bytes of a picture, which become `{"logo": DATA_URL}`. */
export async function readPictureBody(
  request: RawRequest,
  options: { address: string; slots: BodySlots },
): Promise<ReadBody> {
  const contentType = request.headers["content-type"]?.trim() ?? "";
  const type = pictureType.exec(contentType)?.[1];
  if (type && hasBody(request)) return await readPicture(request, type.toLowerCase(), options);
  if (contentType !== "" && !isJson(contentType)) return fail("UNSUPPORTED_MEDIA_TYPE", pictureTypes);
  return await readJsonBody(request, { ...options, bytesMax: logoBodyBytesMax });
}

/** Reads a body that is a picture, to what JSON with its data URL would be. */
async function readPicture(
  request: RawRequest,
  type: string,
  { address, slots }: { address: string; slots: BodySlots },
): Promise<ReadBody> {
  const { headers } = request;
  if ((headers["content-encoding"] ?? "identity") !== "identity") return fail("UNSUPPORTED_MEDIA_TYPE", pictureTypes);
  if (Number(headers["content-length"] ?? 0) > limits.logoBytesMax) return tooLarge(limits.logoBytesMax);
  using _slot = slots.acquire(address);
  const bytes = await readBytes(request, limits.logoBytesMax);
  if (bytes === undefined) return tooLarge(limits.logoBytesMax);
  if (bytes.length === 0) return fail("INVALID_PAYLOAD", "The body is empty.");
  return { value: { logo: `data:${type};base64,${bytes.toString("base64")}` } };
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
