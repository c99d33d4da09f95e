import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { limitOfReach } from "../../../platform/short-url-base.ts";
import { routes } from "../api/routes/index.ts";
import { jsonType } from "../http/envelope.ts";
import { unlessMatched } from "../http/etag.ts";
import { pageHeaders } from "../scans/html-pages.ts";
import { describeApi } from "./openapi.ts";
import { referencePage, searchScript } from "./page.ts";

const kept = { "cache-control": "public, max-age=300", "x-content-type-options": "nosniff" };

/** Serves the description of the API as OpenAPI and as an HTML page. */
export function serveReference(
  app: FastifyInstance,
  { publicUrl, shortUrlBase }: { publicUrl: string; shortUrlBase: string },
): void {
  const described = describeApi(routes, publicUrl);
  const json = JSON.stringify(described);
  const page = referencePage(described, limitOfReach(shortUrlBase));
  const policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'";
  // The description is public.
  const etag = createHash("sha256").update(json).digest("hex").slice(0, 32);
  app.get("/openapi.json", (request, reply) => {
    const { status, headers } = unlessMatched(request.headers["if-none-match"], etag, undefined);
    reply.headers({ ...kept, ...headers, "access-control-allow-origin": "*" });
    return status === 304 ? reply.code(304).send() : reply.type(jsonType).send(json);
  });
  app.get("/docs", (_, reply) =>
    reply
      .headers({ ...pageHeaders, ...kept, "content-security-policy": policy })
      .removeHeader("x-robots-tag")
      .send(page),
  );
  app.get("/docs/search.js", (_, reply) =>
    reply.type("text/javascript; charset=utf-8").headers(kept).send(searchScript),
  );
}
