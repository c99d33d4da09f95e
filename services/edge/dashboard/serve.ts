import type { FastifyInstance, FastifyRequest } from "fastify";
import { CreatedVia } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { Failure } from "../../../platform/errors.ts";
import { networkOf } from "../../../platform/network.ts";
import { createCallLimit } from "../call-limit.ts";
import { jsonType, successBody } from "../envelope.ts";
import { type Gatekeeper, parse } from "../gatekeeper.ts";
import type { Metered } from "../rate-limit.ts";
import type { RouteAnswer } from "../route.ts";
import { routes } from "../routes.ts";
import type { Upstreams } from "../upstreams.ts";
import { requireOwnPage, sessionCookie, tokenOf } from "./sessions.ts";
import { type Person, sessionRoutes } from "./table.ts";

/** Where the dashboard's own calls are. */
export const dashboardPrefix = "/dashboard/api";
/** A logo of 256 KiB, in base64, and the rest of a code. */
const bodyBytesMax = 400_000;

export interface DashboardOptions {
  upstreams: Upstreams;
  gatekeeper: Gatekeeper;
  /** Whether people reach the edge over TLS, whatever a proxy in front does. */
  isSecure(request: FastifyRequest): boolean;
  upstreamTimeoutMs: number;
  /** Where short URLs begin; no slash at the end. */
  shortUrlBase: string;
}

/** Far beyond what pages send, and short of what would make them another way to the API: of one account at one edge. */
const accountCallsPerMinuteMax = 1_200;

/** Calls of the dashboard are not charged. */
const unmetered: Metered = {
  refusedBy: "none",
  minute: { limit: 0, used: 0, resetS: 0 },
  day: { limit: 0, used: 0, resetS: 0 },
  decidedAtMs: 0,
};

/**
 * The calls of the dashboard's page, under a session in place of a key: what only people may do, and the public API's
 * operations by the same handlers.
 */
export function serveDashboard(app: FastifyInstance, options: DashboardOptions): void {
  const { upstreams } = options;
  const waitOf = (request: FastifyRequest) => ({
    deadlineMs: Math.max(1, options.upstreamTimeoutMs - (performance.now() - request.arrivedAt)),
  });

  const limitAccount = createCallLimit({
    message: "Too many requests of this account's dashboard this minute.",
    perMinuteMax: accountCallsPerMinuteMax,
  });
  async function personOf(request: FastifyRequest): Promise<Person> {
    const token = tokenOf(request, options.isSecure(request));
    if (token === "") throw new Failure("UNAUTHORIZED", "You are not signed in.");
    if (request.method !== "GET") requireOwnPage(request, token);
    const resolved = await upstreams.sessions.resolveSession({ token }, waitOf(request));
    const { accountId, email, hasPassword, maySetPassword } = resolved;
    limitAccount(accountId);
    return { token, accountId, email, hasPassword, maySetPassword };
  }

  const answerHeaders = { "cache-control": "private, no-store", "x-content-type-options": "nosniff" };
  const bodyOf = (request: FastifyRequest, { data, nextCursor }: RouteAnswer) =>
    successBody(request.id, { data, ...(nextCursor !== undefined && { nextCursor }) });

  for (const route of sessionRoutes) {
    const limit =
      route.perMinuteMax &&
      createCallLimit({
        message: "Too many tries from this address this minute.",
        perMinuteMax: route.perMinuteMax,
      });
    app.route({
      method: route.method,
      url: `${dashboardPrefix}${route.path}`,
      bodyLimit: bodyBytesMax,
      async handler(request, reply) {
        if (route.isOpen) requireOwnPage(request, undefined);
        if (limit) limit(networkOf(request.ip));
        const person = route.isOpen ? undefined : await personOf(request);
        const answer = await route.handle({
          person: person as Person,
          params: parse(route.params, request.params, "INVALID_REQUEST"),
          query: parse(route.query, request.query, "INVALID_REQUEST"),
          body: (route.body && parse(route.body, request.body, "INVALID_PAYLOAD")) as never,
          address: request.ip,
          upstreams,
          shortUrlBase: options.shortUrlBase,
          wait: waitOf(request),
        });
        if (answer.session !== undefined) {
          reply.header("set-cookie", sessionCookie(answer.session, options.isSecure(request)));
        }
        return reply
          .code(answer.status ?? 200)
          .headers(answerHeaders)
          .type(jsonType)
          .send(bodyOf(request, answer));
      },
    });
  }

  for (const route of routes.filter(({ operation }) => operation !== "getUsage")) {
    app.route({
      method: route.method,
      url: `${dashboardPrefix}${route.path}`,
      bodyLimit: bodyBytesMax,
      async handler(request, reply) {
        const { accountId } = await personOf(request);
        const caller = { accountId, keyId: "", limits: { perMinute: 0, perDay: 0 }, createdVia: CreatedVia.DASHBOARD };
        const call = {
          headers: request.headers,
          address: request.ip,
          remainingMs: () => waitOf(request).deadlineMs,
        };
        const { params, body } = request;
        // `v` keeps a browser from showing the picture that it has of an earlier revision.
        const { v: _, ...query } = request.query as Record<string, unknown>;
        const answer = await options.gatekeeper.perform(route, call, caller, unmetered, { params, query, body });
        reply.code(answer.status ?? 200).headers({ ...answerHeaders, ...answer.headers });
        if (answer.status === 304) return reply.send();
        if (answer.file) return reply.type(answer.file.type).send(Buffer.from(answer.file.bytes));
        return reply.type(jsonType).send(bodyOf(request, answer));
      },
    });
  }
}
