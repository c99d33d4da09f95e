import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { z } from "zod";
import { catalogue, describeFields, Failure, type Reason, toFailure } from "../../platform/errors.ts";
import type { Logger } from "../../platform/log.ts";
import { hashKey, readKey } from "./credentials.ts";
import { failureBody, failureHead, jsonType, successBody } from "./envelope.ts";
import { pageHeaders, scanPages } from "./pages.ts";
import { type Metered, rateLimitHeaders } from "./rate-limit.ts";
import type { Route } from "./route.ts";
import { forbidden, methodMessages, routes } from "./routes.ts";
import type { ScanRecorder } from "./scan-recorder.ts";
import { issuesOf } from "./schemas.ts";
import type { AccountLimits, Upstreams } from "./upstreams.ts";

export interface HttpOptions {
  upstreams: Upstreams;
  scanRecorder: ScanRecorder;
  newRequestId(): string;
  /** The dashboard's page, HTML. */
  dashboard: string;
  upstreamTimeoutMs: number;
  log: Logger;
}

/** Who calls, and what quota decided; set on every request that passed both. */
interface Caller {
  accountId: string;
  limits: AccountLimits;
  metered: Metered;
}

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller | null;
    /** On the monotonic clock. */
    arrivedAt: number;
  }
  interface FastifyContextConfig {
    /** Whether the path is part of the public API, so that a key is needed and the request is metered. */
    api?: boolean;
  }
}

const bodyBytesMax = 65_536;
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** The edge's HTTP application: the API of the route table, the redirects, the dashboard and the probes. */
export function createHttp(options: HttpOptions): FastifyInstance {
  const { log } = options;
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: 30_000,
    genReqId: (raw) => {
      const sent = raw.headers["x-request-id"];
      return typeof sent === "string" && uuidPattern.test(sent) ? sent : options.newRequestId();
    },
    frameworkErrors: (error, request, reply) => sendFailure(request, reply, toHttpFailure(error), log),
  });
  app.removeContentTypeParser("text/plain");
  app.decorateRequest("caller", null);
  app.decorateRequest("arrivedAt", 0);
  app.setErrorHandler((error: FastifyError, request, reply) => sendFailure(request, reply, toHttpFailure(error), log));
  // Reached only by what the hook below lets pass: paths outside the API.
  app.setNotFoundHandler((request, reply) => sendFailure(request, reply, new Failure("NOT_FOUND"), log));

  app.addHook("onRequest", async (request, reply) => {
    request.arrivedAt = performance.now();
    reply.header("x-request-id", request.id);
    const inTable = request.routeOptions.config.api === true;
    if (!inTable && !isApiPath(request.url)) return;
    request.caller = await admit(request, reply, options);
    if (!inTable) throw refusalOf(request.url);
  });

  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      config: { api: true },
      handler: (request, reply) => serve(route, request, reply, options),
    });
  }
  refuseOtherMethods(app);
  serveScans(app, options);

  app.get("/", (_request, reply) => reply.headers(pageHeaders).send(options.dashboard));
  app.get("/healthz", (_request, reply) => reply.type(jsonType).send('{"ok":true}'));
  app.get("/readyz", async (_request, reply) => {
    await options.upstreams.ready({ deadlineMs: 1_000 });
    return reply.type(jsonType).send('{"ok":true}');
  });
  return app;
}

function isApiPath(url: string): boolean {
  return /^\/+v1(?:[/?]|$)/.test(url);
}

function remainingMs(request: FastifyRequest, options: HttpOptions): number {
  return Math.max(1, options.upstreamTimeoutMs - (performance.now() - request.arrivedAt));
}

/** Authenticates, then meters. Fails with UNAUTHORIZED, API_KEY_INACTIVE or a rate limit, having charged nothing. */
async function admit(request: FastifyRequest, reply: FastifyReply, options: HttpOptions): Promise<Caller> {
  const { upstreams } = options;
  const answer = await upstreams.resolveKey(hashKey(readKey(request.headers)), {
    deadlineMs: remainingMs(request, options),
  });
  if (answer.verdict !== "active") throw refusals[answer.verdict]();
  const { accountId, limits } = answer;
  const metered = await upstreams.consume(accountId, 1, limits, { deadlineMs: remainingMs(request, options) });
  reply.headers(rateLimitHeaders(metered));
  if (metered.refusedBy === "minute") throw new Failure("RATE_LIMIT_MINUTE");
  if (metered.refusedBy === "day") throw new Failure("RATE_LIMIT_DAY");
  return { accountId, limits, metered };
}

const refusals = {
  unknown: () => new Failure("UNAUTHORIZED"),
  revoked: () => new Failure("API_KEY_INACTIVE"),
  account_disabled: () => new Failure("API_KEY_INACTIVE", "The account of this API key is disabled."),
};

/** Why a path outside the table is refused: closed to keys on purpose, or not there. */
function refusalOf(url: string): Failure {
  const path = url.split("?")[0] as string;
  for (const [prefix, message] of Object.entries(forbidden)) {
    if (path === prefix || path.startsWith(`${prefix}/`)) return new Failure("FORBIDDEN", message);
  }
  return new Failure("NOT_FOUND", "There is no such path.");
}

async function serve(
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpOptions,
): Promise<FastifyReply> {
  const answer = await route.handle({
    ...(request.caller as Caller),
    params: parse(route.params, request.params, "INVALID_REQUEST"),
    query: parse(route.query, request.query, "INVALID_REQUEST"),
    body: (route.body ? parse(route.body, request.body, "INVALID_PAYLOAD") : undefined) as never,
    ifMatch: request.headers["if-match"],
    ifNoneMatch: request.headers["if-none-match"],
    upstreams: options.upstreams,
    deadlineMs: remainingMs(request, options),
  });
  reply.code(answer.status ?? 200);
  if (answer.headers) reply.headers(answer.headers);
  if (answer.status === 304) return reply.send();
  return reply.type(jsonType).send(successBody(request.id, answer));
}

function parse(schema: z.ZodType, value: unknown, reason: Reason): never {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data as never;
  const issues = issuesOf(result.error);
  const fields = issues.filter(({ field }) => field !== "");
  const message = fields.length > 0 ? describeFields(fields) : `The body ${issues[0]?.issue}.`;
  throw new Failure(reason, message, { fields });
}

/** On every path of the table, the methods that it does not have. They are refused before any body is read. */
function refuseOtherMethods(app: FastifyInstance): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const served = routes.filter((route) => route.path === path).map((route) => route.method as string);
    const allow = served.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
    app.route({
      method: methods.filter((method) => !served.includes(method)),
      url: path,
      config: { api: true },
      onRequest: async (request, reply) => {
        reply.header("allow", allow);
        throw new Failure("METHOD_NOT_ALLOWED", methodMessages[`${request.method} ${path}`]);
      },
      handler: (_request, reply) => reply.send(),
    });
  }
}

/** What a scanner meets: no key, no quota. */
function serveScans(app: FastifyInstance, options: HttpOptions): void {
  const { upstreams, scanRecorder, log } = options;
  app.get<{ Params: { slug: string } }>("/:slug", async (request, reply) => {
    try {
      const answer = await upstreams.resolveSlug(request.params.slug, { deadlineMs: remainingMs(request, options) });
      if (answer.status !== "active") {
        return reply
          .code(answer.status === "archived" ? 410 : 404)
          .headers(pageHeaders)
          .send(scanPages[answer.status]);
      }
      if (request.method === "GET") scanRecorder.record(answer.codeId);
      return reply
        .code(302)
        .headers({
          // Node writes header text as Latin-1: this way the URL's own UTF-8 bytes go out.
          location: Buffer.from(answer.redirectUrl).toString("latin1"),
          "cache-control": "private, no-store",
          "referrer-policy": "no-referrer-when-downgrade",
        })
        .send();
    } catch (error) {
      const failure = toFailure(error);
      if (failure.reason === "INTERNAL_ERROR") log.error({ error: failure.cause ?? failure }, "redirect failed");
      return reply
        .code(catalogue[failure.reason].http)
        .headers({ ...pageHeaders, "retry-after": "1" })
        .send(scanPages.unavailable);
    }
  });
}

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

function sendFailure(request: FastifyRequest, reply: FastifyReply, failure: Failure, log: Logger): FastifyReply {
  if (failure.reason === "INTERNAL_ERROR") {
    log.error({ error: failure.cause ?? failure, requestId: request.id, method: request.method }, "request failed");
  }
  const { status, headers } = failureHead(failure);
  return reply.code(status).headers(headers).send(failureBody(request.id, failure));
}
