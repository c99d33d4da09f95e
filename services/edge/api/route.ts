import type { IncomingHttpHeaders } from "node:http";
import type { z } from "zod";
import type { Limits } from "../../../contracts/quota-rule.ts";
import type { CreatedVia } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { describeFields, type Reason, ServiceError } from "../../../platform/errors.ts";
import type { ReadBody } from "../http/body-reader.ts";
import type { Caller } from "../pipeline/pipeline.ts";
import type { QuotaDecision } from "../pipeline/rate-limit-headers.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { type IdempotencyJson, readIdempotencyKey } from "./idempotency.ts";
import { issuesOf, noBody } from "./requests.ts";

/** A call that has passed the pipeline up to its handler. */
export interface RouteCall {
  caller: Caller;
  decision: QuotaDecision;
  /** Names in lower case. */
  headers: IncomingHttpHeaders;
  upstreams: Upstreams;
  /** How long upstream calls of this request may take from now on, in ms. */
  timeoutMs: number;
  /** The time at which it is handled, in ms since the Unix epoch. */
  nowMs: number;
}

/** What a route is called with, before it is validated. */
export interface RouteArguments {
  params: unknown;
  query: unknown;
  body: ReadBody;
}

/** What a handler is given: who calls, what for, and all that it may ask. */
export interface RouteInput<Params, Query, Body> {
  accountId: string;
  limits: Limits;
  /** By which door the caller came. */
  createdVia: CreatedVia;
  decision: QuotaDecision;
  params: Params;
  query: Query;
  body: Body;
  ifMatch: string | undefined;
  ifNoneMatch: string | undefined;
  accept: string | undefined;
  /** For operations that create something, if the client sent a key. */
  idempotency: IdempotencyJson | undefined;
  upstreams: Upstreams;
  /** How long upstream calls of this request may take from now on, in ms. */
  timeoutMs: number;
  /** The time at which it is handled, in ms since the Unix epoch. */
  nowMs: number;
}

/** What a handler answers: the data of the envelope, or nothing for 304. */
export interface RouteAnswer {
  data?: unknown;
  /** In place of data: a file. */
  file?: { type: string; bytes: Uint8Array };
  /** For lists: the cursor of the next page, or null on the last. */
  nextCursor?: string | null;
  status?: number;
  headers?: Record<string, string>;
}

/** What the reference says of an operation beyond its schemas. */
export interface Reference {
  description: string;
  /** The data of a successful answer; for a list, of one of its items; "file" for a picture. */
  data: z.ZodType | "file";
  isList?: boolean;
  /** The status of a successful answer. */
  status: 200 | 201;
  /** Reasons for which it fails beyond those that every operation has. */
  failures: Reason[];
  /** A request that can be made as it stands, by an account that has made those before it; `{id}` is the last code's or project's. */
  example: { query?: string; body?: unknown };
}

/** One operation of the public API. */
export interface Route {
  method: "GET" | "POST" | "PATCH";
  /** With parameters as `:name`. */
  path: string;
  /** Unique; names the operation in documents and metrics. */
  operation: string;
  /** One line for the reference. */
  summary: string;
  reference: Reference;
  params: z.ZodObject;
  query: z.ZodObject;
  /** Undefined for operations without a body. */
  body: z.ZodType | undefined;
  /** How many requests it counts as, by its body as it came; 1 if undefined. */
  cost?(body: unknown): number;
  /** Validates the arguments against the schemas, and does what is asked. */
  handle(call: RouteCall, given: RouteArguments): Promise<RouteAnswer>;
}

interface TypedRoute<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>
  extends Omit<Route, "params" | "query" | "body" | "handle"> {
  params: P;
  query: Q;
  body: B;
  handle(input: RouteInput<z.output<P>, z.output<Q>, z.output<B>>): Promise<RouteAnswer>;
}

/** Makes a route of a handler whose input has the types of the schemas; `noBody` is the schema of no body. */
export function route<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  typed: TypedRoute<P, Q, B>,
): Route {
  return {
    ...typed,
    body: bodySchemaOf(typed.body),
    async handle({ caller, headers, ...call }, given) {
      const body = parseBody(typed.body, given.body);
      return await typed.handle({
        ...call,
        accountId: caller.accountId,
        limits: caller.limits,
        createdVia: caller.createdVia,
        params: parse(typed.params, given.params, "INVALID_REQUEST"),
        query: parse(typed.query, given.query, "INVALID_REQUEST"),
        body,
        ifMatch: headers["if-match"],
        ifNoneMatch: headers["if-none-match"],
        accept: headers.accept,
        idempotency:
          typed.method === "POST" ? readIdempotencyKey(headers["idempotency-key"], typed.operation, body) : undefined,
      });
    },
  };
}

/** Returns the schema of a body, or undefined if it is that of no body. */
export function bodySchemaOf(schema: z.ZodType): z.ZodType | undefined {
  return schema === noBody ? undefined : schema;
}

/** Details that one refusal lists at most, and characters of a field's name that it repeats. */
const detailsMax = 50;
const fieldNameMax = 100;

/** Returns a body as its schema makes it. Throws what is wrong with it, naming the fields at fault. */
export function parseBody<S extends z.ZodType>(schema: S, body: ReadBody): z.output<S> {
  if ("failure" in body) throw body.failure;
  return parse(schema, body.value, "INVALID_PAYLOAD");
}

/** Returns a value as its schema makes it. Throws the reason, naming the fields at fault. */
export function parse<S extends z.ZodType>(schema: S, value: unknown, reason: Reason): z.output<S> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const issues = issuesOf(result.error)
    .slice(0, detailsMax)
    .map(({ field, issue }) => ({ field: field.slice(0, fieldNameMax), issue }));
  const fields = issues.filter(({ field }) => field !== "");
  const message = fields.length > 0 ? describeFields(fields) : `The body ${issues[0]?.issue}.`;
  throw new ServiceError(reason, message, { fields });
}
