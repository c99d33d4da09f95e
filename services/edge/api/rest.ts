import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { type BodySlots, type ReadBody, readJsonBody, readPictureBody } from "../http/body-reader.ts";
import type { Origin } from "../http/client-address.ts";
import { jsonType, privateHeaders, successBody } from "../http/envelope.ts";
import type { RawRequest } from "../http/exchange.ts";
import { type Authenticate, type Call, type Pipeline, startTimeout } from "../pipeline/pipeline.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { matchesPath, throwNotServed } from "./not-served.ts";
import { readQuery } from "./query.ts";
import { costOf, isReplayOf, type Route, type RouteAnswer } from "./route.ts";
import { routes } from "./routes/index.ts";

export interface RestOptions {
  authenticate: Authenticate;
  pipeline: Pipeline;
  upstreams: Upstreams;
  originOf(request: RawRequest): Origin;
  bodySlots: BodySlots;
  upstreamTimeoutMs: number;
  clock: Pick<Clock, "now">;
}

/** Serves the public API over REST. */
export interface RestFace {
  /** Handles a request for a path of the API; `route` is undefined if the table has no route for it. */
  answer(route: Route | undefined, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
}

const noBrowsers =
  "Pages in a browser cannot call the API: API keys belong on servers, where visitors cannot read them. Call it from your server.";

export function createRestFace(options: RestOptions): RestFace {
  const { authenticate, pipeline, upstreams } = options;
  return {
    async answer(route, request, reply) {
      const { headers } = request;
      if (headers["access-control-request-method"] !== undefined) throw new ServiceError("FORBIDDEN", noBrowsers);
      const { address } = options.originOf(request.raw);
      const startCall = (): Call => ({
        headers,
        address,
        remainingMs: startTimeout(options.upstreamTimeoutMs),
        setHeaders: (more) => void reply.headers(more),
      });
      const caller = await authenticate(startCall());
      const read = route?.takesPicture ? readPictureBody : readJsonBody;
      const body: ReadBody = route?.body
        ? await read(request.raw, { address, slots: options.bodySlots })
        : { value: undefined };
      // The timeout of upstream calls starts when the body has arrived.
      const call = startCall();
      const answer = await pipeline.run(caller, call, {
        cost: costOf(route, body),
        isReplay: (timeoutMs) => isReplayOf(route, { caller, headers, upstreams, timeoutMs }, body),
        async handle(decision, replayOnly) {
          if (!route) return throwNotServed(request, reply);
          const { params } = request;
          const query = readQuery(request);
          const nowMs = options.clock.now();
          const routeCall = { caller, decision, replayOnly, headers, upstreams, timeoutMs: call.remainingMs(), nowMs };
          return await route.handle(routeCall, { params, query, body });
        },
      });
      reply.headers(privateHeaders);
      return sendAnswer(request, reply, answer);
    },
  };
}

/** Sends the result of a handler. */
export function sendAnswer(request: FastifyRequest, reply: FastifyReply, answer: RouteAnswer): FastifyReply {
  reply.code(answer.status ?? 200);
  if (answer.headers) reply.headers(answer.headers);
  if (answer.status === 304) return reply.send();
  if (answer.file) return reply.type(answer.file.type).send(Buffer.from(answer.file.bytes));
  return reply.type(jsonType).send(successBody(request.id, answer));
}

/** Registers every route of the table. */
export function serveRest(app: FastifyInstance, rest: RestFace): void {
  for (const route of routes) {
    const handler = (request: FastifyRequest, reply: FastifyReply) => rest.answer(route, request, reply);
    app.route({ method: route.method, url: route.path, handler });
  }
  // Fixed paths come before parameters: /v1/qr-codes/batch is not the code "batch".
  for (const { path } of routes.filter((route) => !route.path.includes(":"))) {
    const own = routes.filter((route) => route.path === path).map(({ method }) => method);
    const shadowed = routes.filter((route) => route.path.includes(":") && matchesPath(route.path, path));
    for (const { method } of shadowed.filter((route) => !own.includes(route.method))) {
      app.route({ method, url: path, handler: (request, reply) => rest.answer(undefined, request, reply) });
    }
  }
}

/** Returns whether a path belongs to the API, in any percent-encoding. */
export function isApiPath(url: string): boolean {
  const [path = ""] = url.split("?");
  let decoded = path;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // A path that cannot be decoded is compared undecoded.
  }
  return /^\/+v1(?:\/|$)/.test(decoded);
}
