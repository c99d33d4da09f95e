import type { z } from "zod";
import { noBody, noParams, noQuery } from "../api/requests.ts";
import { bodySchemaOf, parse, parseBody, type RouteAnswer, type RouteArguments } from "../api/route.ts";
import type { ReadBody } from "../http/body-reader.ts";
import type { Upstreams } from "../upstreams/clients.ts";

/** The user of a session. */
export interface SignedInUser {
  token: string;
  accountId: string;
  email: string;
  hasPassword: boolean;
  /** Whether a new password may be set without the old one. */
  maySetPassword: boolean;
}

/** What every handler of the dashboard may call, for how long, and the time. */
export interface RouteCall {
  upstreams: Upstreams;
  /** Where short URLs begin; no slash at the end. */
  shortUrlBase: string;
  /** The client's network address. */
  address: string;
  /** What is left of the request's time, at each moment that it is read. */
  wait: { readonly timeoutMs: number };
  /** In ms since the Unix epoch. */
  nowMs: number;
}

export interface SessionCall extends RouteCall {
  user: SignedInUser;
}

export interface SessionAnswer extends RouteAnswer {
  /** The session that the browser has from now on; null for none. */
  session?: { token: string; expiresAt: Date } | null;
}

/** An operation for a user who is signed in, and not for an API key. */
export interface SessionRoute {
  method: "GET" | "POST" | "DELETE";
  /** Under the dashboard's prefix, with parameters as `:name`. */
  path: string;
  /** Undefined for operations without a body. */
  body: z.ZodType | undefined;
  /** Validates the arguments against the schemas, and does what is asked. */
  handle(call: SessionCall, given: RouteArguments): Promise<SessionAnswer>;
}

/** The schemas of an operation that has no parameters, query or body: `sessionRoute({ ...noInput, … })`. */
export const noInput = { params: noParams, query: noQuery, body: noBody };

/** Makes a route of a handler whose input has the types of the schemas. */
export function sessionRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(typed: {
  method: SessionRoute["method"];
  path: string;
  params: P;
  query: Q;
  body: B;
  handle(input: SessionCall & { params: z.output<P>; query: z.output<Q>; body: z.output<B> }): Promise<SessionAnswer>;
}): SessionRoute {
  const { method, path, params, query, body, handle } = typed;
  return {
    method,
    path,
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

/** An operation that needs no session. */
export interface PublicRoute {
  method: "GET" | "POST";
  path: string;
  /** Calls of one address in a minute at most, where nothing else bounds them. */
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
