import type { IncomingHttpHeaders } from "node:http";

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** Returns the id of a request: the UUID that the client sent in x-request-id, or else a new one. */
export function requestIdOf(headers: IncomingHttpHeaders, newRequestId: () => string): string {
  const sent = headers["x-request-id"];
  return typeof sent === "string" && uuidPattern.test(sent) ? sent : newRequestId();
}
