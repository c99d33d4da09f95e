import type { FastifyReply, FastifyRequest } from "fastify";
import { ServiceError } from "../../../platform/errors.ts";
import { routes } from "./routes/index.ts";

/** Paths that are closed to API keys, each with the error message. */
const forbidden: Record<string, string> = {
  "/v1/billing": "API keys cannot see or change billing. Sign in to the dashboard for that.",
  "/v1/subscription": "API keys cannot see or change the subscription. Sign in to the dashboard for that.",
  "/v1/api-keys": "API keys cannot create, list, rotate or revoke keys. Sign in to the dashboard for that.",
  "/v1/internal": "Internal data is not open to API keys.",
};

/** Specific messages for methods that are rejected on purpose. */
const methodMessages: Record<string, string> = {
  "DELETE /v1/qr-codes/:id":
    'QR codes are archived, not deleted: a printed code must not come to mean something else. PATCH {"status":"archived"}.',
};

/** Throws the error for a request without a route: a path closed to API keys, a wrong method, or an unknown path. */
export function throwNotServed(request: FastifyRequest, reply: FastifyReply): never {
  const [path = ""] = request.url.split("?");
  for (const [prefix, message] of Object.entries(forbidden)) {
    if (path === prefix || path.startsWith(`${prefix}/`)) throw new ServiceError("FORBIDDEN", message);
  }
  const exact = routes.filter((route) => route.path === path);
  const served = exact.length > 0 ? exact : routes.filter((route) => matchesPath(route.path, path));
  if (served.length === 0) throw new ServiceError("NOT_FOUND", "There is no such path.");
  const allowed = served.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  reply.header("allow", allowed.join(", "));
  throw new ServiceError("METHOD_NOT_ALLOWED", methodMessages[`${request.method} ${served[0]?.path}`]);
}

/** Returns whether a path matches a pattern with `:name` segments. */
export function matchesPath(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return (
    wanted.length === given.length &&
    wanted.every((segment, index) => (segment.startsWith(":") ? given[index] !== "" : segment === given[index]))
  );
}
