import type { z } from "zod";
import type { Limits } from "../../../contracts/quota-rule.ts";
import type { AbuseContact } from "../../../platform/abuse-contact.ts";
import { noBody, noParams, noQuery } from "../api/requests.ts";
import { bodySchemaOf, parse, parseBody, type RouteAnswer, type RouteArguments } from "../api/route.ts";
import type { ReadBody } from "../http/body-reader.ts";
import type { Upstreams } from "../upstreams/clients.ts";

/** User of a session. */
export interface SignedInUser {
  token: string;
  accountId: string;
  email: string;
  hasPassword: boolean;
  /** Whether the user may set a new password without the old one. */
  maySetPassword: boolean;
  /** Whether the user may have the account's e-mail address changed by mail. */
  mayChangeEmail: boolean;
  limits: Limits;
  /** Number of codes that the account's plan allows to be active; 0 is unlimited. */
  activeCodesMax: bigint;
}

/** Context of every handler of the dashboard: upstream services, timeout and time. */
export interface RouteCall {
  upstreams: Upstreams;
  /** Base of short URLs, without a slash at the end. */
  shortUrlBase: string;
  /** Where abuse of codes is reported, if the operator has set it. */
  abuseContact: AbuseContact | undefined;
  /** The client's network address. */
  address: string;
  /** The client's browser and operating system, such as "Firefox on Windows"; empty if unknown. */
  readonly browser: string;
  /** Time left for the request whenever it is read, in ms. */
  wait: { readonly timeoutMs: number };
  /** Current time, in ms since the Unix epoch. */
  nowMs: number;
}

export interface SessionCall extends RouteCall {
  user: SignedInUser;
}

export interface SessionAnswer extends RouteAnswer {
  /** The new session of the browser; null ends it. */
  session?: { token: string; expiresAt: Date } | null;
}

/** An operation for a signed-in user, not for an API key. */
export interface SessionRoute {
  method: "GET" | "POST" | "DELETE";
  /** Path under the dashboard's prefix, with parameters as `:name`. */
  path: string;
  /** Undefined for operations without a body. */
  body: z.ZodType | undefined;
  /** Cost in units; 0 for reads, and for what protects an account, which must work when its windows are exhausted. */
  cost: 0 | 1;
  /** Maximum number of calls per minute of one account at one edge, for what costs nothing and yet adds to the database. */
  perMinuteMax?: number;
  /** Validates the arguments against the schemas and runs the handler. */
  handle(call: SessionCall, given: RouteArguments): Promise<SessionAnswer>;
}

/** Schemas of an operation without parameters, query or body: `sessionRoute({ ...noInput, … })`. */
export const noInput = { params: noParams, query: noQuery, body: noBody };

/** Creates a route from a handler whose input has the types of the schemas. */
export function sessionRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(typed: {
  method: SessionRoute["method"];
  path: string;
  cost?: SessionRoute["cost"];
  perMinuteMax?: number;
  params: P;
  query: Q;
  body: B;
  handle(input: SessionCall & { params: z.output<P>; query: z.output<Q>; body: z.output<B> }): Promise<SessionAnswer>;
}): SessionRoute {
  const { method, path, cost = 0, perMinuteMax, params, query, body, handle } = typed;
  return {
    method,
    path,
    cost,
    ...(perMinuteMax !== undefined && { perMinuteMax }),
    body: bodySchemaOf(body),
    handle: async (call, given) =>
      await handle({
        ...call,
        params: parse(params, given.params, "INVALID_REQUEST"),
        query: parse(query, given.query, "INVALID_REQUEST"),
        body: parseBody(body, given.body),
      }),
  };
}

/** An operation without a session. */
export interface PublicRoute {
  method: "GET" | "POST";
  path: string;
  /** Maximum number of calls per minute from one address, if no other limit applies. */
  perMinuteMax?: number;
  handle(call: RouteCall, body: ReadBody): Promise<SessionAnswer>;
}

export function publicRoute<B extends z.ZodType>(typed: {
  method: PublicRoute["method"];
  path: string;
  perMinuteMax?: number;
  body: B;
  handle(input: RouteCall & { body: z.output<B> }): Promise<SessionAnswer>;
}): PublicRoute {
  return {
    ...typed,
    handle: async (call, body) => await typed.handle({ ...call, body: parseBody(typed.body, body) }),
  };
}
