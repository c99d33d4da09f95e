import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { FastifyInstance } from "fastify";
import Negotiator from "negotiator";

/** Compressors by content coding. They run in libuv's threads; the qualities are those for content that is made anew. */
const compressors = {
  br: (bytes: Buffer) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 4,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  gzip: (bytes: Buffer) => promisify(gzip)(bytes, { level: 6 }),
};
const codings = ["br", "gzip"] as const;

/** Minimum size of what is compressed, in bytes: less fits into one packet anyhow. */
const bytesMin = 1_400;
const compressible = /^(?:application\/json|image\/svg\+xml|text\/(?:html|plain|javascript))\b/;

/**
 * Compresses answers that are text, for clients that take it. Paths of `except` are never compressed: where an answer has a
 * secret beside what an attacker may choose, its size would tell of the secret (BREACH).
 */
export function compressAnswers(app: FastifyInstance, { except }: { except: string }): void {
  app.addHook("onSend", async (request, reply, payload) => {
    const type = reply.getHeader("content-type");
    if (typeof type !== "string" || !compressible.test(type) || request.url.startsWith(except)) return payload;
    if (reply.statusCode >= 300 && reply.statusCode < 400) return payload;
    if (typeof payload !== "string" && !Buffer.isBuffer(payload)) return payload;
    const bytes = Buffer.from(payload);
    if (bytes.length < bytesMin) return payload;
    reply.header("vary", withEncoding(reply.getHeader("vary")));
    const coding = codingOf(request.headers["accept-encoding"]);
    if (!coding) return payload;
    const etag = reply.getHeader("etag");
    // Another coding is another representation, which a strong tag has to tell apart.
    if (typeof etag === "string") reply.header("etag", etag.replace(/"$/, `-${coding}"`));
    reply.header("content-encoding", coding);
    return await compressors[coding](bytes);
  });
}

/** Returns the coding that a client prefers to none; undefined if it takes none. */
export function codingOf(acceptEncoding: string | undefined): keyof typeof compressors | undefined {
  if (!acceptEncoding) return undefined;
  const chosen = new Negotiator({ headers: { "accept-encoding": acceptEncoding } }).encoding([...codings, "identity"]);
  return codings.find((coding) => coding === chosen);
}

function withEncoding(vary: unknown): string {
  return typeof vary === "string" ? `${vary}, accept-encoding` : "accept-encoding";
}
