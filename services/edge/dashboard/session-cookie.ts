import { createHash, timingSafeEqual } from "node:crypto";
import { parseCookie, stringifySetCookie } from "cookie";
import type { FastifyRequest } from "fastify";
import { ServiceError } from "../../../platform/errors.ts";

/** Behind TLS browsers take this name only with Secure, from this host and for all of it. */
const secureName = "__Host-qrforge";
/** In clear text, as on a developer's machine. */
const plainName = "qrforge";

const nameOf = (isSecure: boolean) => (isSecure ? secureName : plainName);

/** The session token that a request brings, or "". Only the name that fits how it came is looked at. */
export function tokenOf({ headers }: FastifyRequest, isSecure: boolean): string {
  return parseCookie(headers.cookie ?? "")[nameOf(isSecure)] ?? "";
}

/** The header that gives a browser a session, or takes it away. Scripts cannot read it, other sites cannot send it. */
export function sessionCookie(session: { token: string; expiresAt: Date } | null, isSecure: boolean): string {
  return stringifySetCookie({
    name: nameOf(isSecure),
    value: session?.token ?? "",
    path: "/",
    httpOnly: true,
    sameSite: "strict",
    secure: isSecure,
    expires: session?.expiresAt ?? new Date(0),
  });
}

/** What a page of ours sends with every change in a session: it follows from the token, which no page of others can read. */
export function csrfTokenOf(token: string): string {
  return createHash("sha256").update(`csrf:${token}`).digest("base64url");
}

/** Refuses a change that a page of another site may have sent. */
export function requireOwnPage({ headers }: FastifyRequest, sessionToken: string | undefined): void {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") throw otherSite();
  if (sessionToken === undefined) return;
  const sent = Buffer.from(String(headers["x-csrf-token"] ?? ""));
  const right = Buffer.from(csrfTokenOf(sessionToken));
  if (sent.length !== right.length || !timingSafeEqual(sent, right)) throw otherSite();
}

const otherSite = () =>
  new ServiceError(
    "FORBIDDEN",
    "This was not sent by the dashboard's own page. Load the page again, and try once more.",
  );
