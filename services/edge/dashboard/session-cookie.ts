import { parseCookie, stringifySetCookie } from "cookie";
import type { FastifyRequest } from "fastify";

/** Cookie name with TLS: browsers accept the prefix only with Secure, from this host and for its whole path. */
const secureName = "__Host-qrforge";
/** Cookie name without TLS, as on a developer's machine. */
const plainName = "qrforge";

const cookieName = (isSecure: boolean) => (isSecure ? secureName : plainName);

/** Returns the session token of a request, or "". Reads only the cookie with the name for its connection. */
export function sessionToken({ headers }: FastifyRequest, isSecure: boolean): string {
  return parseCookie(headers.cookie ?? "")[cookieName(isSecure)] ?? "";
}

/** Returns the Set-Cookie header that gives a browser a session, or ends it. Scripts cannot read it; other sites cannot send it. */
export function sessionCookie(session: { token: string; expiresAt: Date } | null, isSecure: boolean): string {
  return stringifySetCookie({
    name: cookieName(isSecure),
    value: session?.token ?? "",
    path: "/",
    httpOnly: true,
    sameSite: "strict",
    secure: isSecure,
    expires: session?.expiresAt ?? new Date(0),
  });
}
