import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { type Carrier, type OpenSpan, openSpan, withRemoteParent } from "../../../platform/telemetry/tracing.ts";
import { isApiPath } from "../api/rest.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Time of arrival on the monotonic clock, in ms. */
    arrivedAt: number;
    /** Span of the request. */
    span: OpenSpan | null;
  }
}

/**
 * Gives each request an id, a span and a duration metric, labelled by the pattern of its path and never by the path itself,
 * which has an unlimited number of values. Scans pass these hooks, too, without waiting.
 */
export function observeRequests(app: FastifyInstance, recordRequest: ReturnType<Metrics["duration"]>): void {
  app.decorateRequest("arrivedAt", 0);
  app.decorateRequest("span", null);
  app.addHook("onRequest", (request, reply, done) => {
    request.arrivedAt = performance.now();
    reply.header("x-request-id", request.id);
    const name = `${request.method} ${request.routeOptions.url ?? "other"}`;
    request.span = withRemoteParent(traceOf(request.headers), () => openSpan(name, "server"));
    request.span.run(done);
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? (isApiPath(request.url) ? "other /v1" : "other");
    const labels = { route, method: request.method, status: String(reply.statusCode) };
    const failed = reply.statusCode >= 500 ? "failed" : undefined;
    request.span?.end({ "http.response.status_code": reply.statusCode }, failed);
    recordRequest((performance.now() - request.arrivedAt) / 1_000, labels);
    done();
  });
}

/** Returns the trace context that a client sent, if any. */
function traceOf({ traceparent }: IncomingHttpHeaders): Carrier {
  return typeof traceparent === "string" ? { traceparent } : {};
}
