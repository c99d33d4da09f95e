import { ServiceError } from "../../../platform/errors.ts";
import { answerHeaders } from "./envelope.ts";
import { rejectRequest } from "./errors.ts";
import type { Handle, RawRequest } from "./exchange.ts";
import { countOf, elementsMax, findLongList, headerListSize, isHost } from "./header-bounds.ts";
import { http2Settings } from "./http2-bounds.ts";
import type { PeerBounds } from "./peer-bounds.ts";
import { requestIdOf } from "./request-id.ts";

/** Wraps what handles the requests of a server. */
export type RequestGuard = (handle: Handle) => Handle;

/** Tells browsers for a year to use no clear text with this host. They ignore it where the host serves clear text alone. */
const strictTransport = { "strict-transport-security": "max-age=31536000" };

/**
 * Creates what stands before every handler of every server. It gives each answer the headers that a handler may replace and
 * not forget, and rejects requests whose headers cannot be accepted, before anything reads them.
 */
export function createRequestGuard(options: {
  bounds: Pick<PeerBounds, "boundRequests">;
  /** Whether clients reach the edge by https. */
  isSecure: boolean;
  newRequestId(): string;
}): RequestGuard {
  const headers = Object.entries({ ...answerHeaders, ...(options.isSecure && strictTransport) });
  return (handle) => {
    const bounded = options.bounds.boundRequests(handle);
    return (request, response) => {
      for (const [name, value] of headers) response.setHeader(name, value);
      const problem = problemOf(request);
      if (!problem) return bounded(request, response);
      const [status, message] = problem;
      const error = new ServiceError("INVALID_REQUEST", message);
      rejectRequest(response, error, { requestId: requestIdOf(request.headers, options.newRequestId), status });
    };
  };
}

/** Returns the status and message with which a request is rejected for its headers; undefined if it is not. */
function problemOf(request: RawRequest): [status: number, message: string] | undefined {
  const { headers, httpVersion, rawHeaders } = request;
  if (headers.host === undefined && httpVersion === "1.1") return [400, "The request has no Host header."];
  if (countOf(rawHeaders, "host") > 1) return [400, "The request has more than one Host header."];
  const authority = headers[":authority"];
  for (const host of [headers.host, authority]) {
    if (typeof host === "string" && !isHost(host)) return [400, "The Host header is no host with or without a port."];
  }
  // HTTP/1.1 is bounded by Node, and so is HTTP/2 once the client has taken note of our settings.
  if (httpVersion === "2.0" && headerListSize(rawHeaders) > http2Settings.maxHeaderListSize) {
    return [431, "The headers are over 16 KiB."];
  }
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== "100-continue") {
    return [417, "Only 100-continue may be expected."];
  }
  const list = findLongList(headers);
  return list === undefined ? undefined : [431, `The header ${list} has more than ${elementsMax} elements.`];
}
