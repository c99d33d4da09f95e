import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { ServiceError } from "../../../platform/errors.ts";

/** Returns the CSRF token of a session: a hash of its token, which other sites cannot read. Every change must carry it. */
export function csrfToken(token: string): string {
  return createHash("sha256").update(`csrf:${token}`).digest("base64url");
}

/** Throws FORBIDDEN if another site may have sent the change. Checks the CSRF token if there is a session. */
export function verifyCsrf({ headers }: FastifyRequest, sessionToken: string | undefined): void {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") throw otherSite();
  if (sessionToken === undefined) return;
  const sent = Buffer.from(String(headers["x-csrf-token"] ?? ""));
  const right = Buffer.from(csrfToken(sessionToken));
  if (sent.length !== right.length || !timingSafeEqual(sent, right)) throw otherSite();
}

const otherSite = () =>
  new ServiceError(
    "FORBIDDEN",
    "This was not sent by the dashboard's own page. Load the page again, and try once more.",
  );
