import type { IncomingHttpHeaders } from "node:http";
import type { z } from "zod";
import type { FieldIssue } from "../../../contracts/field-issue.ts";
import type { Limits } from "../../../contracts/quota-rule.ts";
import type { CreatedVia } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { describeFields, type Reason, ServiceError } from "../../../platform/errors.ts";
import { omitUndefined } from "../../../platform/omit-undefined.ts";
import { lacksMethod } from "../../../platform/rpc/status.ts";
import type { ReadBody } from "../http/body-reader.ts";
import type { Caller } from "../pipeline/pipeline.ts";
import type { QuotaDecision } from "../pipeline/rate-limit-headers.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { type IdempotencyJson, isIdempotencyKey, readIdempotencyKey } from "./idempotency.ts";
import { issuesOf, noBody } from "./requests.ts";

/** A call that has passed the pipeline and reached its handler. */
export interface RouteCall {
  caller: Caller;
  decision: QuotaDecision;
  /** Whether it was charged as a repeated call, and may only return the earlier answer. */
  replayOnly: boolean;
  /** Request headers; names are in lower case. */
  headers: IncomingHttpHeaders;
  upstreams: Upstreams;
  /** Time left for upstream calls of this request, in ms. */
  timeoutMs: number;
  /** Time at which the call is handled, in ms since the Unix epoch. */
  nowMs: number;
}

/** Arguments of a route before validation. */
export interface RouteArguments {
  params: unknown;
  query: unknown;
  body: ReadBody;
}

/** Context of a handler: the caller, the validated input and the upstream services. */
export interface RouteInput<Params, Query, Body> {
  accountId: string;
  limits: Limits;
  /** Number of codes that the account's plan allows to be active; 0 is unlimited. */
  activeCodesMax: bigint;
  /** Origin of the call: API or dashboard. */
  createdVia: CreatedVia;
  decision: QuotaDecision;
  params: Params;
  query: Query;
  body: Body;
  ifMatch: string | undefined;
  ifNoneMatch: string | undefined;
  accept: string | undefined;
  /** Set for operations that create a resource, if the client sent an Idempotency-Key. */
  idempotency: IdempotencyJson | undefined;
  upstreams: Upstreams;
  /** Time left for upstream calls of this request, in ms. */
  timeoutMs: number;
  /** Time at which the call is handled, in ms since the Unix epoch. */
  nowMs: number;
}

/** Result of a handler: the data of the envelope or its items, or neither for 304. */
export interface RouteAnswer {
  data?: unknown;
  /** Instead of data, for lists. */
  items?: readonly unknown[];
  /** A file instead of data. */
  file?: { type: string; bytes: Uint8Array };
  /** For lists: the token of the next page; null or empty on the last page. */
  nextPageToken?: string | null;
  status?: number;
  headers?: Record<string, string>;
}

/** Documentation of an operation in addition to its schemas. */
export interface Reference {
  description: string;
  /** Schema of a successful response's data; for a list, of one item; "file" for a picture. */
  data: z.ZodType | "file";
  isList?: boolean;
  /** Status of a successful response. */
  status: 200 | 201;
  /** Error reasons in addition to those of every operation. */
  failures: Reason[];
  /** Example request that works after the examples before it; `{id}` is the id of the last code or project. */
  example: { query?: string; body?: unknown };
}

/** One operation of the public API. */
export interface Route {
  method: "GET" | "POST" | "PATCH";
  /** Path with parameters as `:name`. */
  path: string;
  /** Unique name of the operation in documents and metrics. */
  operation: string;
  /** One-line summary for the reference. */
  summary: string;
  reference: Reference;
  params: z.ZodObject;
  query: z.ZodObject;
  /** Undefined for operations without a body. */
  body: z.ZodType | undefined;
  /** Whether the body may also be the bytes of a picture, which become the field `logo`; bodies may then be larger. */
  takesPicture?: boolean;
  /** Returns the cost in units for a body before validation; 1 if undefined. */
  cost?(body: unknown): number;
  /**
   * Returns whether a call repeats one that was made under the same idempotency key, so that it does nothing. Undefined for
   * operations that always cost one.
   */
  isReplay?(call: ReplayCall, body: ReadBody): Promise<boolean>;
  /** Validates the arguments against the schemas and runs the handler. */
  handle(call: RouteCall, given: RouteArguments): Promise<RouteAnswer>;
}

type ReplayCall = Pick<RouteCall, "caller" | "headers" | "upstreams" | "timeoutMs">;

interface TypedRoute<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>
  extends Omit<Route, "params" | "query" | "body" | "isReplay" | "handle"> {
  params: P;
  query: Q;
  body: B;
  handle(input: RouteInput<z.output<P>, z.output<Q>, z.output<B>>): Promise<RouteAnswer>;
}

/** Creates a route from a handler whose input has the types of the schemas; `noBody` is the schema of an absent body. */
export function route<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  typed: TypedRoute<P, Q, B>,
): Route {
  return {
    ...typed,
    body: bodySchemaOf(typed.body),
    ...(typed.cost && { isReplay: (call, body) => isReplay(typed, call, body) }),
    async handle({ caller, headers, replayOnly, ...call }, given) {
      const body = parseBody(typed.body, given.body);
      return await typed.handle({
        ...call,
        accountId: caller.accountId,
        limits: caller.limits,
        activeCodesMax: caller.activeCodesMax,
        createdVia: caller.createdVia,
        params: parse(typed.params, given.params, "INVALID_REQUEST"),
        query: parse(typed.query, given.query, "INVALID_REQUEST"),
        body,
        ifMatch: headers["if-match"],
        ifNoneMatch: headers["if-none-match"],
        accept: headers.accept,
        idempotency: typed.method === "POST" ? readOnce(headers, typed.operation, body, replayOnly) : undefined,
      });
    },
  };
}

function readOnce(
  headers: IncomingHttpHeaders,
  operation: string,
  body: unknown,
  replayOnly: boolean,
): IdempotencyJson | undefined {
  const idempotency = readIdempotencyKey(headers["idempotency-key"], operation, body);
  return idempotency && { ...idempotency, replayOnly };
}

async function isReplay(
  { body: schema, operation }: Pick<Route, "operation"> & { body: z.ZodType },
  { caller, headers, upstreams, timeoutMs }: ReplayCall,
  body: ReadBody,
): Promise<boolean> {
  const header = headers["idempotency-key"];
  const parsed = "value" in body ? schema.safeParse(body.value) : undefined;
  // What is malformed is rejected by the handler.
  if (!parsed?.success || !isIdempotencyKey(header)) return false;
  const idempotency = readIdempotencyKey(header, operation, parsed.data);
  const request = omitUndefined({ accountId: caller.accountId, idempotency });
  try {
    return (await upstreams.qrCodes.checkIdempotencyKey(request, { timeoutMs })).isKnown;
  } catch (error) {
    // The handler does nothing but reject it.
    if (error instanceof ServiceError && error.reason === "IDEMPOTENCY_CONFLICT") return true;
    // Then the call costs what it did with that version.
    if (lacksMethod(error)) return false;
    throw error;
  }
}

/** Returns the schema of a body, or undefined if it is `noBody`. */
export function bodySchemaOf(schema: z.ZodType): z.ZodType | undefined {
  return schema === noBody ? undefined : schema;
}

/** Maximum number of details in one error, and of characters of a field's name in it. */
const detailsMax = 50;
const fieldNameMax = 100;

/** Returns the cost in units of a call; 1 for a body that cannot be read, and for a path that no route serves. */
export function costOf(route: Route | undefined, body: ReadBody): number {
  return ("value" in body && route?.cost?.(body.value)) || 1;
}

/** Returns whether a call does nothing, since it repeats an earlier one; false for a path that no route serves. */
export async function isReplayOf(route: Route | undefined, call: ReplayCall, body: ReadBody): Promise<boolean> {
  return (await route?.isReplay?.(call, body)) ?? false;
}

/** Parses a body with its schema. Throws an error that names the invalid fields. */
export function parseBody<S extends z.ZodType>(schema: S, body: ReadBody): z.output<S> {
  if ("failure" in body) throw body.failure;
  return parse(schema, body.value, "INVALID_PAYLOAD");
}

/** Parses a value with its schema. Throws an error of the given reason that names the invalid fields. */
export function parse<S extends z.ZodType>(schema: S, value: unknown, reason: Reason): z.output<S> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw invalidFields(reason, issuesOf(result.error));
}

/** Returns an error that names invalid fields, as many as fit; a field without a name is the body. */
export function invalidFields(reason: Reason, all: FieldIssue[]): ServiceError {
  const issues = all.slice(0, detailsMax).map(({ field, issue }) => ({ field: field.slice(0, fieldNameMax), issue }));
  const fields = issues.filter(({ field }) => field !== "");
  const message = fields.length > 0 ? describeFields(fields) : `The body ${issues[0]?.issue}.`;
  return new ServiceError(reason, message, { fields });
}
