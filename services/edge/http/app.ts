import type { Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { ServiceError } from "../../../platform/errors.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { createRestFace, isApiPath, type RestOptions, serveRest } from "../api/rest.ts";
import { type DashboardOptions, dashboardPrefix, serveDashboard } from "../dashboard/plugin.ts";
import { servePage } from "../dashboard/static-files.ts";
import { type LeakedKeyReportOptions, serveLeakedKeyReports } from "../leaked-key-reports/plugin.ts";
import type { RequestSlots } from "../pipeline/load-shedding.ts";
import { serveReference } from "../reference/plugin.ts";
import { type RpcHandler, serveRpcBeside } from "../rpc/server.ts";
import { type AbuseOptions, serveAbuseContact } from "../scans/abuse.ts";
import { pageHeaders } from "../scans/html-pages.ts";
import { type RedirectOptions, serveRedirects } from "../scans/redirect.ts";
import { serveWellKnownFiles } from "../scans/well-known-files.ts";
import { compressAnswers } from "./compress.ts";
import { jsonType } from "./envelope.ts";
import { createSendError, rejectMalformed } from "./errors.ts";
import type { Handle } from "./exchange.ts";
import { observeRequests } from "./observe.ts";
import { boundPages } from "./page-slots.ts";
import { requestIdOf } from "./request-id.ts";
import { rejectInTurn } from "./server.ts";

export interface HttpOptions {
  rest: RestOptions;
  dashboard: DashboardOptions;
  redirects: RedirectOptions;
  abuse: AbuseOptions;
  leakedKeyReports: LeakedKeyReportOptions;
  /** Calls of the same API over Connect and gRPC-Web. */
  handleRpc: RpcHandler;
  /** Bounds the pages and files that are the same for everybody. */
  pageSlots: RequestSlots;
  createServer(handle: Handle): Server;
  newRequestId(): string;
  /** Where clients reach the API, for the reference; no slash at the end. */
  publicUrl: string;
  /** Where short URLs begin; no slash at the end. */
  shortUrlBase: string;
  /** Records how long each request took. */
  recordRequest: ReturnType<Metrics["duration"]>;
  /** How long a closing edge goes on taking connections after it has said that it is not ready, in ms. */
  closeNoticeMs: number;
  log: Logger;
}

const pathLengthMax = 8_192;

const dropLengthOf304 = async (_request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
  if (reply.statusCode === 304) reply.removeHeader("content-length");
  return payload;
};
const isRead = ({ method }: FastifyRequest) => method === "GET" || method === "HEAD";

/** Creates the edge's HTTP application: the API's REST face, scans, the dashboard, the reference and the probes. */
export function createHttp(options: HttpOptions): FastifyInstance {
  const sendError = createSendError(options.log);
  const rest = createRestFace(options.rest);
  const sendUnknownPage = (reply: FastifyReply) =>
    reply.code(404).headers(pageHeaders).send(options.redirects.pages("unknown"));
  const app: FastifyInstance = fastify({
    logger: false,
    // Fastify takes requests of both versions, and its types name those of one.
    serverFactory: (handle) => options.createServer(handle as Handle),
    genReqId: ({ headers }) => requestIdOf(headers, options.newRequestId),
    routerOptions: { maxParamLength: pathLengthMax },
    return503OnClosing: false,
    // A path that cannot be decoded meets no hook. Below /v1 it is a call like any other, and costs one.
    frameworkErrors: (error, request, reply) => {
      request.arrivedAt = performance.now();
      reply.header("x-request-id", request.id);
      // Of one segment, as a short URL is.
      if (isRead(request) && /^\/[^/?]*\/?(?:\?|$)/.test(request.url)) {
        sendUnknownPage(reply);
        return;
      }
      const answered = isApiPath(request.url) ? rest.answer(undefined, request, reply) : Promise.reject(error);
      answered.catch((failure) => {
        const isUnknownPath = failure instanceof ServiceError && failure.reason === "NOT_FOUND";
        sendError(request, reply, isUnknownPath ? error : failure);
      });
    },
    clientErrorHandler: (error, socket) =>
      rejectInTurn(socket, () => rejectMalformed(error, socket, options.newRequestId())),
  });
  let closing = false;
  // Balancers and clients are told first, and have a moment to go elsewhere before connections are refused.
  app.addHook("preClose", async () => {
    closing = true;
    await sleep(options.closeNoticeMs);
  });
  // No route takes it; otherwise fastify asks for its Content-Type before it looks for a route.
  app.addHttpMethod("QUERY", { hasBody: false, overrideExisting: true });
  observeRequests(app, options.recordRequest);
  compressAnswers(app, { except: dashboardPrefix });
  // Fastify gives answers to HEAD without content a length of 0, which for 304 is said of the content that GET has.
  app.addHook("onRoute", (route) => {
    if (route.method === "HEAD") route.onSend = [route.onSend ?? [], dropLengthOf304].flat();
  });
  // HTTP/2 has frames for this.
  app.addHook("onRequest", (request, reply, done) => {
    if (closing && request.raw.httpVersionMajor === 1) reply.header("connection", "close");
    done();
  });
  app.setErrorHandler((error: Error, request, reply) => sendError(request, reply, error));
  // Who asks is looked at before what is sent: handlers read their bodies themselves.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));

  serveRest(app, rest);
  serveRedirects(app, options.redirects);
  serveLeakedKeyReports(app, options.leakedKeyReports);
  serveRpcBeside(app, options.handleRpc);
  serveDashboard(app, options.dashboard);
  app.register((scope, _options, done) => {
    boundPages(scope, options.pageSlots);
    serveReference(scope, options);
    servePage(scope);
    serveAbuseContact(scope, options.abuse);
    serveWellKnownFiles(scope);
    done();
  });
  app.setNotFoundHandler(async (request, reply) => {
    if (isApiPath(request.url)) return await rest.answer(undefined, request, reply);
    // A person who mistyped a short URL, mostly.
    if (isRead(request)) {
      return sendUnknownPage(reply);
    }
    if (!/^\/[^/]*$/.test(request.url)) throw new ServiceError("NOT_FOUND");
    reply.header("allow", "GET, HEAD");
    throw new ServiceError("METHOD_NOT_ALLOWED");
  });

  app.get("/healthz", (_request, reply) => reply.type(jsonType).send('{"ok":true}'));
  app.get("/readyz", async (_request, reply) => {
    if (closing) throw new ServiceError("UNAVAILABLE", "The edge is stopping.", { retryAfterS: 1 });
    await options.rest.upstreams.ready({ timeoutMs: 1_000 });
    return reply.type(jsonType).send('{"ok":true}');
  });
  return app;
}
