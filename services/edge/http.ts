import type { IncomingHttpHeaders, RequestListener } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Failure, toFailure } from "../../platform/errors.ts";
import { createOutageLog, type Logger } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { type Carrier, type OpenSpan, openSpan, within } from "../../platform/tracing.ts";
import type { AddressList } from "./addresses.ts";
import type { Admission } from "./admission.ts";
import { type ApiHandler, serveApiBeside } from "./api-servers.ts";
import { readJson } from "./bodies.ts";
import { servePage } from "./dashboard/page.ts";
import { serveDashboard } from "./dashboard/serve.ts";
import { failureBody, failureHead, jsonType, successBody } from "./envelope.ts";
import { type ApiCall, type Caller, type Gatekeeper, refuseIfSpent } from "./gatekeeper.ts";
import { serveLeakReports } from "./leaks.ts";
import { type Certificate, createListener } from "./listener.ts";
import { pageHeaders, scanPages } from "./pages.ts";
import { type Metered, rateLimitHeaders } from "./rate-limit.ts";
import { serveRedirects } from "./redirects.ts";
import { serveReference } from "./reference.ts";
import type { Route } from "./route.ts";
import { forbidden, methodMessages, routes } from "./routes.ts";
import type { ScanRecorder } from "./scan-recorder.ts";
import type { Upstreams } from "./upstreams.ts";

export interface HttpOptions {
  upstreams: Upstreams;
  scanRecorder: ScanRecorder;
  gatekeeper: Gatekeeper;
  /** Calls of the same API over Connect and gRPC-Web. */
  handleCalls: ApiHandler;
  newRequestId(): string;
  /** Where clients reach the API, for the reference; no slash at the end. */
  publicUrl: string;
  /** Where short URLs begin; no slash at the end. */
  shortUrlBase: string;
  /** Whether people reach the edge over TLS, whatever requests say. */
  isSecure: boolean;
  upstreamTimeoutMs: number;
  /** Told how long each request took. */
  noteRequest: ReturnType<Metrics["duration"]>;
  /** Bounds on what is under way: of the API, and of everything else, which is scans above all. */
  apiPlaces: Admission;
  scanPlaces: Admission;
  /** Who may say for whom a request is sent. */
  trustedProxies: AddressList;
  /** The header in which a trusted proxy tells a client's country, in small letters; empty for none. */
  countryHeader: string;
  /** How long a closing edge goes on taking connections after it has said that it is not ready, in ms. */
  closeNoticeMs: number;
  /** What clients see; undefined for clear text. */
  certificate: Certificate | undefined;
  log: Logger;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Set once the key is known to be good. */
    caller: Caller | null;
    /** What quota decided; set once it has. */
    metered: Metered | null;
    /** Whether quota has been asked, whatever came of it. */
    isMetered: boolean;
    /** On the monotonic clock. */
    arrivedAt: number;
    /** The request in its trace. */
    span: OpenSpan | null;
  }
  interface FastifyContextConfig {
    /** For a path of the public API, which needs a key and is metered: what is served there. */
    route?: Route;
    /** Whether it takes no place: it tells how the process is, or takes a place itself. */
    isUnbounded?: boolean;
  }
}

const bodyBytesMax = 65_536;
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const pathLengthMax = 8_192;

/** The edge's HTTP application: the API of the route table, the redirects, the dashboard and the probes. */
export function createHttp(options: HttpOptions): FastifyInstance {
  const noteOutage = createOutageLog(options.log, {});
  const send = (request: FastifyRequest, reply: FastifyReply, error: Error) =>
    sendFailure(request, reply, toHttpFailure(error), options.log, noteOutage);
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    serverFactory: (handle) => createListener(options.certificate, handle as RequestListener),
    genReqId: (raw) => {
      const sent = raw.headers["x-request-id"];
      return typeof sent === "string" && uuidPattern.test(sent) ? sent : options.newRequestId();
    },
    trustProxy: (address) => options.trustedProxies(address),
    routerOptions: { maxParamLength: pathLengthMax },
    return503OnClosing: false,
    // A path that cannot be decoded is met before any hook: who asks is looked at here.
    frameworkErrors: (error, request, reply) => {
      request.arrivedAt = performance.now();
      reply.header("x-request-id", request.id);
      const admitted = async () => {
        if (!isApiPath(request.url)) return;
        request.caller = await options.gatekeeper.authenticate(callOf(request, options));
        await meter(request, reply, 1, options);
      };
      admitted().then(
        () => send(request, reply, error),
        (refusal) => send(request, reply, refusal),
      );
    },
    clientErrorHandler: (error, socket) => refuseBytes(error, socket, options.newRequestId()),
  });
  let closing = false;
  // Balancers and clients are told first, and have a moment to go elsewhere before connections are refused.
  app.addHook("preClose", async () => {
    closing = true;
    await sleep(options.closeNoticeMs);
  });
  // By the pattern of the path, never by the path itself, of which there is no end.
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? (isApiPath(request.url) ? "other /v1" : "other");
    const labels = { route, method: request.method, status: String(reply.statusCode) };
    request.span?.end(
      { "http.response.status_code": reply.statusCode },
      reply.statusCode >= 500 ? "failed" : undefined,
    );
    options.noteRequest((performance.now() - request.arrivedAt) / 1_000, labels);
    done();
  });
  readJson(app);
  app.decorateRequest("caller", null);
  app.decorateRequest("metered", null);
  app.decorateRequest("isMetered", false);
  app.decorateRequest("arrivedAt", 0);
  app.decorateRequest("span", null);
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    // A body that could not even be read still counts.
    if (request.caller && !request.isMetered) {
      try {
        await meter(request, reply, 1, options);
      } catch (refusal) {
        return send(request, reply, refusal as Error);
      }
    }
    return send(request, reply, error);
  });
  // Paths outside the API, and its paths where the hook below has not refused: a person who mistyped a short URL, mostly.
  app.setNotFoundHandler((request, reply) => {
    if (request.method === "GET" || request.method === "HEAD") {
      return reply.code(404).headers(pageHeaders).send(scanPages.unknown);
    }
    if (/^\/[^/]*$/.test(request.url)) {
      return send(request, reply.header("allow", "GET, HEAD"), new Failure("METHOD_NOT_ALLOWED"));
    }
    return send(request, reply, new Failure("NOT_FOUND"));
  });

  // Scans pass these hooks too, and wait for nothing in them.
  app.addHook("onRequest", (request, reply, done) => {
    request.arrivedAt = performance.now();
    reply.header("x-request-id", request.id);
    // HTTP/2 has frames for this.
    if (closing && request.raw.httpVersionMajor === 1) reply.header("connection", "close");
    const { route } = request.routeOptions.config;
    // A probe that finds no place would have a busy edge taken for a dead one; calls take their places themselves.
    if (request.routeOptions.config.isUnbounded) return done();
    const isApi = route !== undefined || isApiPath(request.url);
    try {
      // Not the finish of the answer: a client may go before it.
      reply.raw.once("close", (isApi ? options.apiPlaces : options.scanPlaces).enter());
    } catch (error) {
      done(error as Error);
      return;
    }
    const { method } = request;
    const name = `${method} ${request.routeOptions.url ?? "other"}`;
    const span = within(traceOf(request.headers), () => openSpan(name, "server"));
    request.span = span;
    // What follows, handlers included, runs as a part of it.
    span.run(() => {
      if (isApi) admit(route, request, reply, options).then(() => done(), done);
      else done();
    });
  });

  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      config: { route },
      ...(route.cost && {
        preValidation: (request, reply) => meter(request, reply, route.cost?.(request.body) ?? 1, options),
      }),
      handler: (request, reply) => serve(route, request, reply, options),
    });
  }
  // A fixed path is no name of something: /v1/qr-codes/batch is not the code "batch".
  for (const { path } of routes.filter((route) => !route.path.includes(":"))) {
    const own = routes.filter((route) => route.path === path).map(({ method }) => method);
    const shadowed = routes.filter((route) => route.path.includes(":") && matches(route.path, path));
    for (const { method } of shadowed.filter((route) => !own.includes(route.method))) {
      app.route({ method, url: path, handler: (request, reply) => refuseBeyondTable(request, reply) });
    }
  }
  serveRedirects(app, { ...options, timeoutMs: options.upstreamTimeoutMs });
  serveLeakReports(app, options);

  serveApiBeside(app, options.handleCalls);
  serveReference(app, options);

  serveDashboard(app, { ...options, isSecure: (request) => options.isSecure || request.protocol === "https" });
  servePage(app);

  const probe = { config: { isUnbounded: true } };
  app.get("/healthz", probe, (_request, reply) => reply.type(jsonType).send('{"ok":true}'));
  app.get("/readyz", probe, async (_request, reply) => {
    if (closing) throw new Failure("UNAVAILABLE", "The edge is stopping.", { retryAfterS: 1 });
    await options.upstreams.ready({ deadlineMs: 1_000 });
    return reply.type(jsonType).send('{"ok":true}');
  });
  return app;
}

/** The trace that a client names, if it does. */
function traceOf({ traceparent }: IncomingHttpHeaders): Carrier {
  return typeof traceparent === "string" ? { traceparent } : {};
}

/** Whether a path is the API's, however it is written. */
function isApiPath(url: string): boolean {
  const path = url.split("?")[0] as string;
  let decoded = path;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // What cannot be decoded is judged as it stands.
  }
  return /^\/+v1(?:\/|$)/.test(decoded);
}

/** Answers are for who asked alone, and JSON is nothing to guess about. */
const apiHeaders = { "cache-control": "private, no-cache", "x-content-type-options": "nosniff" };
const noBrowsers =
  "Pages in a browser cannot call the API: API keys belong on servers, where visitors cannot read them. Call it from your server.";

/** A request as the gatekeeper sees it. */
function callOf(request: FastifyRequest, { upstreamTimeoutMs }: HttpOptions): ApiCall {
  return {
    headers: request.headers,
    address: request.ip,
    remainingMs: () => Math.max(1, upstreamTimeoutMs - (performance.now() - request.arrivedAt)),
  };
}

/** Authenticates, then meters, then looks whether there is such a route. What costs by its body is metered once that is read. */
async function admit(
  route: Route | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpOptions,
): Promise<void> {
  reply.headers(apiHeaders);
  if (request.headers["access-control-request-method"] !== undefined) throw new Failure("FORBIDDEN", noBrowsers);
  request.caller = await options.gatekeeper.authenticate(callOf(request, options));
  if (route?.cost) return;
  await meter(request, reply, 1, options);
  if (!route) refuseBeyondTable(request, reply);
}

/** Charges an authenticated request. Fails with a rate limit, having charged nothing. */
async function meter(request: FastifyRequest, reply: FastifyReply, cost: number, options: HttpOptions): Promise<void> {
  request.isMetered = true;
  const metered = await options.gatekeeper.meter(callOf(request, options), request.caller as Caller, cost);
  request.metered = metered;
  reply.headers(rateLimitHeaders(metered));
  refuseIfSpent(metered);
}

/** Refuses what the table does not have: a path that is closed to keys on purpose, another method, or no such path. */
function refuseBeyondTable(request: FastifyRequest, reply: FastifyReply): never {
  const path = request.url.split("?")[0] as string;
  for (const [prefix, message] of Object.entries(forbidden)) {
    if (path === prefix || path.startsWith(`${prefix}/`)) throw new Failure("FORBIDDEN", message);
  }
  const exact = routes.filter((route) => route.path === path);
  const served = exact.length > 0 ? exact : routes.filter((route) => matches(route.path, path));
  if (served.length === 0) throw new Failure("NOT_FOUND", "There is no such path.");
  const allowed = served.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  reply.header("allow", allowed.join(", "));
  throw new Failure("METHOD_NOT_ALLOWED", methodMessages[`${request.method} ${served[0]?.path}`]);
}

/** Whether a path is one of a pattern with `:name` segments. */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return (
    wanted.length === given.length &&
    wanted.every((segment, index) => (segment.startsWith(":") ? given[index] !== "" : segment === given[index]))
  );
}

async function serve(
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpOptions,
): Promise<FastifyReply> {
  const { params, query, body } = request;
  const { caller, metered } = request as { caller: Caller; metered: Metered };
  const call = callOf(request, options);
  const answer = await options.gatekeeper.perform(route, call, caller, metered, { params, query, body });
  reply.code(answer.status ?? 200);
  if (answer.headers) reply.headers(answer.headers);
  if (answer.status === 304) return reply.send();
  if (answer.file) return reply.type(answer.file.type).send(Buffer.from(answer.file.bytes));
  return reply.type(jsonType).send(successBody(request.id, answer));
}

/** Answers bytes that are no HTTP request, or one with too large a head, and closes. */
function refuseBytes(error: Error & { code?: string }, socket: Socket, requestId: string): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const [status, message] = byteRefusals[error.code ?? ""] ?? [
    "400 Bad Request",
    "The bytes sent are not a well-formed HTTP request.",
  ];
  const body = failureBody(requestId, new Failure("INVALID_REQUEST", message));
  const head = `content-type: ${jsonType}\r\nx-request-id: ${requestId}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** What Node's errors about the bytes of a request are to a client: its status line and message. */
const byteRefusals: Record<string, [string, string]> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "The headers are over 16 KiB."],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request took too long to arrive."],
};

/** What fastify's own errors are to a client: https://fastify.dev/docs/latest/Reference/Errors/ */
function toHttpFailure(error: FastifyError | Error): Failure {
  if (error instanceof Failure) return error;
  const { code = "", statusCode = 500 } = error as Partial<FastifyError>;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return new Failure("PAYLOAD_TOO_LARGE");
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return new Failure("UNSUPPORTED_MEDIA_TYPE");
  if (code === "FST_ERR_CTP_EMPTY_JSON_BODY") return new Failure("INVALID_PAYLOAD", "The body is empty.");
  if (error instanceof SyntaxError || code.startsWith("FST_ERR_CTP")) {
    return new Failure("INVALID_PAYLOAD", "The body is not valid JSON.", { cause: error });
  }
  if (statusCode >= 400 && statusCode < 500) return new Failure("INVALID_REQUEST", undefined, { cause: error });
  return toFailure(error);
}

function sendFailure(
  request: FastifyRequest,
  reply: FastifyReply,
  failure: Failure,
  log: Logger,
  noteOutage: (failure: Failure) => void,
): FastifyReply {
  noteOutage(failure);
  if (failure.reason === "INTERNAL_ERROR") {
    log.error({ error: failure.cause ?? failure, requestId: request.id, method: request.method }, "request failed");
  }
  const { status, headers } = failureHead(failure);
  return reply.code(status).headers(headers).send(failureBody(request.id, failure));
}
