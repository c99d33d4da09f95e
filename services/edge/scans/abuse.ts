import type { FastifyInstance } from "fastify";
import type { AbuseContact } from "../../../platform/abuse-contact.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { abusePage, pageHeaders } from "./html-pages.ts";

export interface AbuseOptions {
  /** Where abuse is reported; without it nothing is served here. */
  abuseContact: AbuseContact | undefined;
  /** Where clients reach the API; no slash at the end. */
  publicUrl: string;
  /** Where short URLs begin; no slash at the end. */
  shortUrlBase: string;
  clock: Pick<Clock, "now">;
}

const dayMs = 86_400_000;
/** Days for which security.txt is valid. It is made anew for each request, so it never expires while it is served. */
const validDays = 30;

/** Serves what says where abuse is reported: a page for people at `/abuse`, and security.txt for programs. */
export function serveAbuseContact(app: FastifyInstance, options: AbuseOptions): void {
  const { abuseContact, publicUrl, shortUrlBase, clock } = options;
  if (!abuseContact) return;
  const page = abusePage(abuseContact, shortUrlBase);
  app.get("/abuse", (_, reply) => reply.headers(pageHeaders).send(page));
  app.get("/.well-known/security.txt", (_, reply) =>
    reply
      .type("text/plain; charset=utf-8")
      .headers({ "cache-control": "public, max-age=300", "x-content-type-options": "nosniff" })
      .send(securityText(abuseContact, publicUrl, clock.now())),
  );
}

/** Returns security.txt: https://www.rfc-editor.org/rfc/rfc9116 */
export function securityText(contact: AbuseContact, publicUrl: string, nowMs: number): string {
  // The beginning of a day, so that the file changes once a day.
  const expiresMs = (Math.floor(nowMs / dayMs) + validDays) * dayMs;
  const lines = [`Contact: ${contact.url}`, `Expires: ${new Date(expiresMs).toISOString()}`, "Preferred-Languages: en"];
  // The format allows no address in clear text here.
  if (publicUrl.startsWith("https://")) lines.push(`Canonical: ${publicUrl}/.well-known/security.txt`);
  return `${lines.join("\n")}\n`;
}
