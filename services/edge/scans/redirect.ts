import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { readSlug } from "../../../contracts/slug.ts";
import { catalogue, toServiceError } from "../../../platform/errors.ts";
import { createOutageLog, type Logger } from "../../../platform/telemetry/log.ts";
import type { Origin } from "../http/client-address.ts";
import type { RawRequest } from "../http/exchange.ts";
import type { RequestSlots } from "../pipeline/load-shedding.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { isMadeAhead, type Scanner } from "./attributes.ts";
import { pageHeaders, type ScanPages } from "./html-pages.ts";
import type { ScanRecorder } from "./recorder.ts";
import { noIndex } from "./well-known-files.ts";

export interface RedirectOptions {
  upstreams: Pick<Upstreams, "resolveSlug">;
  scanRecorder: ScanRecorder;
  pages: ScanPages;
  slots: RequestSlots;
  originOf(request: RawRequest): Origin;
  /** The header in which a trusted proxy sends the client's country; empty for none. */
  countryHeader: string;
  /** Timeout of a scan's look-up, in ms. */
  timeoutMs: number;
  log: Logger;
}

interface SlugRoute {
  Params: { slug: string };
}

/** Serves scans: redirects a short URL to its target, without an API key or quota. */
export function serveRedirects(app: FastifyInstance, options: RedirectOptions): void {
  const { upstreams, scanRecorder, pages, log } = options;
  const noteOutage = createOutageLog(log, { use: "redirects" });
  const redirect = async (request: FastifyRequest<SlugRoute>, reply: FastifyReply) => {
    const slug = readSlug(request.params.slug);
    // Text that cannot be a slug is neither cached nor looked up.
    if (slug === undefined) return reply.callNotFound();
    try {
      using _slot = options.slots.acquire();
      const answer = await upstreams.resolveSlug(slug, { timeoutMs: options.timeoutMs });
      if (answer.status !== "active") {
        return reply
          .code(answer.status === "unknown" ? 404 : 410)
          .headers(pageHeaders)
          .send(pages(answer.status, slug));
      }
      const isScan = request.method === "GET" && !isMadeAhead(request.headers);
      if (isScan) scanRecorder.record(answer.codeId, scannerOf(request, options));
      return reply
        .code(302)
        .headers({
          location: answer.location,
          "cache-control": "private, no-store",
          "referrer-policy": "no-referrer-when-downgrade",
          ...noIndex,
        })
        .send();
    } catch (error) {
      const failure = toServiceError(error);
      noteOutage(failure);
      if (failure.reason === "INTERNAL_ERROR") log.error({ error: failure.cause ?? failure }, "redirect failed");
      return reply
        .code(catalogue[failure.reason].http)
        .headers({ ...pageHeaders, "retry-after": "1" })
        .send(pages("unavailable", slug));
    }
  };
  app.get<SlugRoute>("/:slug", redirect);
  app.get<SlugRoute>("/:slug/", redirect);
}

function scannerOf(request: FastifyRequest, { originOf, countryHeader }: RedirectOptions): Scanner {
  const { address, isProxied } = originOf(request.raw);
  const country = countryHeader && isProxied && request.headers[countryHeader];
  return {
    address,
    userAgent: request.headers["user-agent"] ?? "",
    referer: request.headers.referer ?? "",
    // Proxies send XX for an unknown country and T1 for Tor.
    country: typeof country === "string" && /^(?!XX)[A-Z]{2}$/.test(country) ? country : "",
  };
}
