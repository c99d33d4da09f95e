import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { CreatedVia } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import type { AbuseContact } from "../../../platform/abuse-contact.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { rateLimitKeys } from "../../../platform/rate-limit-key.ts";
import { readQuery } from "../api/query.ts";
import { sendAnswer } from "../api/rest.ts";
import { isReplayOf, type Route } from "../api/route.ts";
import { routes } from "../api/routes/index.ts";
import { type BodySlots, type ReadBody, readJsonBody, readPictureBody } from "../http/body-reader.ts";
import type { Origin } from "../http/client-address.ts";
import { challengeOf } from "../http/envelope.ts";
import type { RawRequest } from "../http/exchange.ts";
import type { FairQueue } from "../pipeline/fair-queue.ts";
import type { RequestSlots } from "../pipeline/load-shedding.ts";
import { createMinuteCounter } from "../pipeline/minute-counter.ts";
import { type Call, type Caller, createPipeline, startTimeout } from "../pipeline/pipeline.ts";
import type { QuotaDecision } from "../pipeline/rate-limit-headers.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { browserOf } from "./browser.ts";
import { costOverDashboard } from "./cost.ts";
import { verifyCsrf } from "./csrf.ts";
import type { RouteCall, SessionAnswer, SignedInUser } from "./route.ts";
import { publicRoutes } from "./routes/public.ts";
import { sessionRoutes } from "./routes/session.ts";
import { sessionCookie, sessionToken } from "./session-cookie.ts";

/** Path prefix of the dashboard's API. */
export const dashboardPrefix = "/dashboard/api";
/** Maximum size of a body, in bytes: a logo of 256 KiB in base64 and the other fields of a code. */
const bodyBytesMax = 400_000;

export interface DashboardOptions {
  upstreams: Upstreams;
  slots: RequestSlots;
  fairQueue: FairQueue;
  originOf(request: RawRequest): Origin;
  bodySlots: BodySlots;
  /** Whether users reach the edge over TLS, regardless of the request. */
  isSecure: boolean;
  upstreamTimeoutMs: number;
  /** Base of short URLs, without a slash at the end. */
  shortUrlBase: string;
  /** Where abuse of codes is reported, if the operator has set it. */
  abuseContact: AbuseContact | undefined;
  clock: Clock;
}

/** Maximum number of calls per minute for one account at one edge: far above what pages need, too low to replace the API. */
const accountCallsPerMinuteMax = 1_200;

/** Decision for reads of the dashboard, which are not charged. */
const uncharged: QuotaDecision = {
  refusedBy: "none",
  minute: { limit: 0, used: 0, resetS: 0 },
  day: { limit: 0, used: 0, resetS: 0 },
  decidedAtMs: 0,
};

/** Challenge with a scheme unknown to browsers, so that they show no prompt. */
const sessionScheme = "Session";

/** Serves the dashboard's API below its prefix. */
export function serveDashboard(app: FastifyInstance, options: DashboardOptions): void {
  app.register(
    (scope, _options, done) => {
      scope.setErrorHandler((error, _request, reply) => {
        if (error instanceof ServiceError) reply.headers(challengeOf(error, sessionScheme));
        // The application's handler responds.
        throw error;
      });
      scope.setNotFoundHandler(async () => {
        throw new ServiceError("NOT_FOUND", "There is no such path.");
      });
      serveCalls(scope, options);
      done();
    },
    { prefix: dashboardPrefix },
  );
}

/**
 * Serves the calls of the dashboard's page, authenticated by a session instead of a key: operations for users only, and the
 * public API's operations with the same handlers.
 */
function serveCalls(app: FastifyInstance, options: DashboardOptions): void {
  const { upstreams, originOf, slots, shortUrlBase, abuseContact } = options;
  const isSecure = (request: FastifyRequest) => options.isSecure || originOf(request.raw).isSecure;
  const countCall = createMinuteCounter({
    message: "Too many requests of this account's dashboard this minute.",
    perMinuteMax: accountCallsPerMinuteMax,
    clock: options.clock,
  });

  const startCall = (request: FastifyRequest, reply: FastifyReply): Call => ({
    headers: request.headers,
    address: originOf(request.raw).address,
    remainingMs: startTimeout(options.upstreamTimeoutMs),
    setHeaders: (headers) => void reply.headers(headers),
  });
  /** Returns the context of handlers; the timeout of each upstream call is the time left when it is made. */
  const toRouteCall = ({ address, headers, remainingMs }: Call): RouteCall => ({
    upstreams,
    shortUrlBase,
    abuseContact,
    address,
    get browser() {
      return browserOf(headers["user-agent"] ?? "");
    },
    nowMs: options.clock.now(),
    wait: {
      get timeoutMs() {
        return remainingMs();
      },
    },
  });
  const readBody = (request: FastifyRequest, bytesMax?: number, takesPicture = false): Promise<ReadBody> => {
    const from = { address: originOf(request.raw).address, slots: options.bodySlots };
    if (takesPicture) return readPictureBody(request.raw, from);
    return readJsonBody(request.raw, { ...from, ...(bytesMax && { bytesMax }) });
  };

  async function findUser(request: FastifyRequest, timeoutMs: number): Promise<SignedInUser> {
    const token = sessionToken(request, isSecure(request));
    if (token === "") throw new ServiceError("UNAUTHORIZED", "You are not signed in.");
    if (request.method !== "GET") verifyCsrf(request, token);
    const resolved = await upstreams.sessions.resolveSession({ token }, { timeoutMs });
    const { accountId, email, hasPassword, maySetPassword, mayChangeEmail, activeCodesMax } = resolved;
    const { perMinute = 0n, perDay = 0n } = resolved.limits ?? {};
    const limits = { perMinute: Number(perMinute), perDay: Number(perDay) };
    return { token, accountId, email, hasPassword, maySetPassword, mayChangeEmail, limits, activeCodesMax };
  }
  const pipeline = createPipeline({
    async consumeQuota(caller, cost, wait) {
      countCall([{ key: caller.accountId, times: 1 }]);
      return cost === 0 ? uncharged : await upstreams.consumeQuota({ ...caller, cost }, wait);
    },
    slots,
    fairQueue: options.fairQueue,
  });

  /** Authenticates the user, reads the body, and runs the work in the pipeline. `costOf` returns its cost in units. */
  async function run<T>(
    request: FastifyRequest,
    reply: FastifyReply,
    { hasBody, costOf, route }: { hasBody: boolean; costOf(body: ReadBody): number; route?: Route },
    work: (given: {
      user: SignedInUser;
      caller: Caller;
      body: ReadBody;
      call: Call;
      decision: QuotaDecision;
      replayOnly: boolean;
    }) => Promise<T>,
  ): Promise<T> {
    const user = await findUser(request, startCall(request, reply).remainingMs());
    const body = hasBody ? await readBody(request, bodyBytesMax, route?.takesPicture) : { value: undefined };
    const { accountId, limits, activeCodesMax } = user;
    const plan = { limits, activeCodesMax };
    const caller: Caller = { accountId, face: "dashboard", keyId: "", ...plan, createdVia: CreatedVia.DASHBOARD };
    const call = startCall(request, reply);
    const handle = (decision: QuotaDecision, replayOnly: boolean) =>
      work({ user, caller, body, call, decision, replayOnly });
    const { headers } = request;
    const isReplay = (timeoutMs: number) => isReplayOf(route, { caller, headers, upstreams, timeoutMs }, body);
    return await pipeline.run(caller, call, { cost: costOf(body), isReplay, handle });
  }

  function sendSession(request: FastifyRequest, reply: FastifyReply, answer: SessionAnswer): FastifyReply {
    if (answer.session !== undefined) reply.header("set-cookie", sessionCookie(answer.session, isSecure(request)));
    return sendAnswer(request, reply, answer);
  }

  for (const route of publicRoutes) {
    const countSender =
      route.perMinuteMax &&
      createMinuteCounter({
        message: "Too many tries from this address this minute.",
        perMinuteMax: route.perMinuteMax,
        clock: options.clock,
      });
    app.route({
      method: route.method,
      url: route.path,
      async handler(request, reply) {
        // Checks that cost nothing come before the body is read.
        verifyCsrf(request, undefined);
        const { address } = originOf(request.raw);
        if (countSender) countSender(rateLimitKeys(address));
        const body = route.method === "GET" ? { value: undefined } : await readBody(request);
        using _slot = slots.acquire();
        return sendSession(request, reply, await route.handle(toRouteCall(startCall(request, reply)), body));
      },
    });
  }

  for (const route of sessionRoutes) {
    const countUser =
      route.perMinuteMax &&
      createMinuteCounter({
        message: "Too many such requests of this account this minute.",
        perMinuteMax: route.perMinuteMax,
        clock: options.clock,
      });
    app.route({
      method: route.method,
      url: route.path,
      async handler(request, reply) {
        const input = { hasBody: route.body !== undefined, costOf: () => route.cost };
        const answer = await run(request, reply, input, async ({ user, body, call }) => {
          const { params } = request;
          if (countUser) countUser([{ key: user.accountId, times: 1 }]);
          return await route.handle({ user, ...toRouteCall(call) }, { params, query: readQuery(request), body });
        });
        return sendSession(request, reply, answer);
      },
    });
  }

  for (const route of routes.filter(({ operation }) => operation !== "getUsage")) {
    app.route({
      method: route.method,
      url: route.path,
      async handler(request, reply) {
        const input = {
          route,
          hasBody: route.body !== undefined,
          costOf: (body: ReadBody) => costOverDashboard(route, body, request.query),
        };
        const answer = await run(request, reply, input, ({ caller, body, call, decision, replayOnly }) => {
          const { headers, params } = request;
          // `v` makes browsers fetch the current revision of a picture.
          const { v: _, ...query } = readQuery(request);
          const [timeoutMs, nowMs] = [call.remainingMs(), options.clock.now()];
          const routeCall = { caller, decision, replayOnly, headers, upstreams, timeoutMs, nowMs };
          return route.handle(routeCall, { params, query, body });
        });
        return sendAnswer(request, reply, answer);
      },
    });
  }
}
