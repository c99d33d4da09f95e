import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

/** Output directory of `vite build` for `dashboard`. */
const built = new URL("../../../dashboard/dist/", import.meta.url);

/** Content security policy: allows scripts and styles of this origin only, and no framing or requests to other origins. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": pagePolicy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-cache",
};

const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>QRForge</title>
<h1>The dashboard is not built</h1>
<p>The API works. To build the dashboard: <code>npm run build:dashboard</code>, and start the edge again.</p>
</html>
`;

/** Serves the dashboard's page at `/` and its files under `/assets`, whose names contain a hash of their content. */
export function servePage(app: FastifyInstance): void {
  const isBuilt = existsSync(built);
  const page = isBuilt ? readFileSync(new URL("index.html", built), "utf8") : notBuilt;
  app.get("/", (_request, reply) => reply.headers(pageHeaders).send(page));
  if (!isBuilt) return;
  app.register(fastifyStatic, {
    root: fileURLToPath(new URL("assets/", built)),
    prefix: "/assets/",
    immutable: true,
    maxAge: "365d",
    preCompressed: true,
    index: false,
    setHeaders: (reply) => reply.header("x-content-type-options", "nosniff"),
  });
}
