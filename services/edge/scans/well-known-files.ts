import type { FastifyInstance } from "fastify";

/** Header of whatever a short URL answers: search engines list the page behind it, or nothing. */
export const noIndex = { "x-robots-tag": "noindex" };

/**
 * Contents of robots.txt. Short URLs are not disallowed: what a crawler may not fetch, it may still list by links to it, and it
 * would never see that the answer is not to be indexed. Crawlers are not counted as scans.
 */
const robots = `# Short URLs answer with X-Robots-Tag: noindex.
User-agent: *
Disallow: /v1/
Disallow: /dashboard/api/
Disallow: /qrforge.api.v1.ApiService/
`;

/** The dashboard's icon: `dashboard/src/icon.svg`, which the edge's image does not contain. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><title>QRForge</title><rect width="32" height="32" rx="7" fill="#0f766e"/>
<path fill="#fff" fill-rule="evenodd" d="M6 6h8v8H6zm2 2v4h4V8zm10-2h8v8h-8zm2 2v4h4V8zM6 18h8v8H6zm2 2v4h4v-4z"/>
<path fill="#fff" d="M18 18h3v3h-3zm5 0h3v3h-3zm-5 5h3v3h-3zm5 0h3v3h-3z"/></svg>`;

const kept = { "cache-control": "public, max-age=86400", "x-content-type-options": "nosniff" };

/** Serves what crawlers and browsers ask every host for: robots.txt and an icon. */
export function serveWellKnownFiles(app: FastifyInstance): void {
  app.get("/robots.txt", (_, reply) => reply.type("text/plain; charset=utf-8").headers(kept).send(robots));
  app.get("/favicon.ico", (_, reply) => reply.type("image/svg+xml").headers(kept).send(icon));
}
