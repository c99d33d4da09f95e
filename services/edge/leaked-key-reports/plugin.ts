import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { isApiKey } from "../../../contracts/api-key.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { rateLimitKeys } from "../../../platform/rate-limit-key.ts";
import { parseBody } from "../api/route.ts";
import { type BodySlots, readJsonBody } from "../http/body-reader.ts";
import type { Origin } from "../http/client-address.ts";
import { jsonType, successBody } from "../http/envelope.ts";
import type { RawRequest } from "../http/exchange.ts";
import { hashKey } from "../pipeline/credentials.ts";
import type { RequestSlots } from "../pipeline/load-shedding.ts";
import { createMinuteCounter } from "../pipeline/minute-counter.ts";
import type { Upstreams } from "../upstreams/clients.ts";

const keysMax = 1_000;
const callsPerMinuteMax = 10;

const report = z.strictObject({ keys: z.array(z.string().max(200)).min(1).max(keysMax) });

export interface LeakedKeyReportOptions {
  upstreams: Pick<Upstreams, "keys">;
  upstreamTimeoutMs: number;
  originOf(request: RawRequest): Origin;
  bodySlots: BodySlots;
  slots: RequestSlots;
  clock: Pick<Clock, "now">;
}

/**
 * Serves `POST /leaked-keys`: anyone can report keys that were found in public places, and real ones are
 * revoked. The response is the same for real and invented keys. Keys with a wrong checksum go no further, and each address
 * has a limited number of calls per minute.
 */
export function serveLeakedKeyReports(app: FastifyInstance, options: LeakedKeyReportOptions): void {
  const countReport = createMinuteCounter({
    message: "Too many reports from this address this minute.",
    perMinuteMax: callsPerMinuteMax,
    clock: options.clock,
  });

  app.post("/leaked-keys", async (request: FastifyRequest, reply: FastifyReply) => {
    const { address } = options.originOf(request.raw);
    countReport(rateLimitKeys(address));
    const body = await readJsonBody(request.raw, { address, slots: options.bodySlots });
    using _slot = options.slots.acquire();
    const { keys } = parseBody(report, body);
    const keyHashes = keys.filter(isApiKey).map((key) => Buffer.from(hashKey(key), "hex"));
    if (keyHashes.length > 0) {
      const actor = { name: "reporter", address };
      await options.upstreams.keys.reportLeakedKeys({ keyHashes, actor }, { timeoutMs: options.upstreamTimeoutMs });
    }
    const answer = successBody(request.id, { data: { received: keys.length } });
    return reply.code(202).type(jsonType).send(answer);
  });
}
