import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { networkOf } from "../../platform/network.ts";
import { createCallLimit } from "./call-limit.ts";
import { hashKey, keyPattern } from "./credentials.ts";
import { jsonType, successBody } from "./envelope.ts";
import { parse } from "./gatekeeper.ts";
import type { Upstreams } from "./upstreams.ts";

const keysMax = 1_000;
const callsPerMinuteMax = 10;

const report = z.strictObject({ keys: z.array(z.string().max(200)).min(1).max(keysMax) });

/**
 * `POST /leaked-keys`: anyone who finds keys where they should not be hands them in, and those that are real are revoked.
 * The answer is the same for real and made-up keys. Each address has a few calls a minute.
 */
export function serveLeakReports(
  app: FastifyInstance,
  options: { upstreams: Upstreams; upstreamTimeoutMs: number },
): void {
  const limit = createCallLimit({
    message: "Too many reports from this address this minute.",
    perMinuteMax: callsPerMinuteMax,
  });

  app.post("/leaked-keys", async (request: FastifyRequest, reply: FastifyReply) => {
    limit(networkOf(request.ip));
    const { keys } = parse(report, request.body, "INVALID_PAYLOAD") as z.output<typeof report>;
    const keyHashes = keys.filter((key) => keyPattern.test(key)).map((key) => Buffer.from(hashKey(key), "hex"));
    if (keyHashes.length > 0) {
      const actor = { name: "reporter", address: request.ip };
      await options.upstreams.keys.reportLeakedKeys({ keyHashes, actor }, { deadlineMs: options.upstreamTimeoutMs });
    }
    return reply
      .code(202)
      .type(jsonType)
      .send(successBody(request.id, { data: { received: keys.length } }));
  });
}
