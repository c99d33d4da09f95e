import type { z } from "zod";
import type { CreatedVia } from "../../gen/qrforge/qr/v1/project_pb.ts";
import type { Reason } from "../../platform/errors.ts";
import type { IdempotencyJson } from "./idempotency.ts";
import type { AccountLimits, Metered } from "./rate-limit.ts";
import type { Upstreams } from "./upstreams.ts";

/** What a handler is given: who calls, what for, and all that it may ask. */
export interface RouteInput<Params, Query, Body> {
  accountId: string;
  limits: AccountLimits;
  /** By which door the caller came. */
  createdVia: CreatedVia;
  metered: Metered;
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
  deadlineMs: number;
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
  params: z.ZodType;
  query: z.ZodType;
  /** Undefined for operations without a body. */
  body: z.ZodType | undefined;
  /** How many requests it counts as, by its body as it came; 1 if undefined. */
  cost?(body: unknown): number;
  handle(input: RouteInput<never, never, never>): Promise<RouteAnswer>;
}

interface TypedRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType | undefined>
  extends Omit<Route, "params" | "query" | "body" | "handle"> {
  params: P;
  query: Q;
  body: B;
  handle(
    input: RouteInput<z.output<P>, z.output<Q>, B extends z.ZodType ? z.output<B> : undefined>,
  ): Promise<RouteAnswer>;
}

/** Checks a route's handler against its schemas. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType | undefined>(
  typed: TypedRoute<P, Q, B>,
): Route {
  return typed as unknown as Route;
}
