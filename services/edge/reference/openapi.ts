import { z } from "zod";
import { idempotencyKeyPattern } from "../../../contracts/idempotency-key.ts";
import { limits } from "../../../contracts/limits.ts";
import { catalogue, type Reason } from "../../../platform/errors.ts";
import { errorResponse } from "../api/responses/error.ts";
import type { Route } from "../api/route.ts";
import { apiVersion } from "../http/envelope.ts";

type Json = Record<string, unknown>;

/** Error reasons of every operation. */
const commonFailures: Reason[] = [
  "INVALID_REQUEST",
  "UNAUTHORIZED",
  "API_KEY_INACTIVE",
  "RATE_LIMIT_MINUTE",
  "RATE_LIMIT_DAY",
  "INTERNAL_ERROR",
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
];
/** Additional error reasons of operations with a body. */
const bodyFailures: Reason[] = ["PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"];

/** Additional error reasons of operations that take an Idempotency-Key. */
const idempotencyFailures: Reason[] = ["IDEMPOTENCY_CONFLICT", "IDEMPOTENCY_IN_PROGRESS"];

const components = "#/components/schemas/";
const requestId = z.string().meta({ format: "uuid" });

/** Returns the error reasons of a route. */
export function failuresOf(route: Route): Reason[] {
  return [
    ...commonFailures,
    ...(route.body ? bodyFailures : []),
    ...(route.method === "POST" ? idempotencyFailures : []),
    ...route.reference.failures,
  ];
}

/** Returns the OpenAPI 3.1 description of the API, generated from the edge's route table. */
export function describeApi(routes: Route[], publicUrl: string): Json {
  const schemas: Json = {};
  const toSchema = (schema: z.ZodType, io: "input" | "output" = "output") => jsonSchema(schema, io, schemas);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route, toSchema) };
  }
  toSchema(errorResponse);
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    info: {
      title: "QRForge",
      version: apiVersion,
      description:
        "Dynamic QR codes. A printed code holds a short URL; where it leads can be changed at any time, and each scan is counted. " +
        "Requests carry an API key. Limits belong to the account; every metered answer tells what is left.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: publicUrl }],
    security: [{ apiKey: [] }, { bearer: [] }],
    tags: [
      { name: "QR codes", description: "Create, change, draw and count" },
      { name: "Projects", description: "Folders for codes" },
      { name: "Logos", description: "Pictures for the middle of symbols" },
      { name: "Usage", description: "What is left of the account's limits" },
    ],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: "apiKey", in: "header", name: "x-api-key", description: "`api_live_` and 32 characters" },
        bearer: { type: "http", scheme: "bearer", description: "The same key, as `Authorization: Bearer`" },
      },
      schemas,
    },
  };
}

function describeRoute(route: Route, toSchema: (schema: z.ZodType, io?: "input" | "output") => Json): Json {
  const { reference } = route;
  const parameters = [
    ...[...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      description: acceptsSlug(route) ? "The code's id or slug" : "The id",
      schema: { type: "string" },
    })),
    ...queryParameters(route.query, toSchema),
    ...headerParameters(route),
  ];
  return {
    operationId: route.operation,
    summary: route.summary,
    description: reference.description,
    tags: [tagOf(route)],
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: {
        required: true,
        content: {
          "application/json": { schema: toSchema(route.body, "input"), example: reference.example.body },
          ...(route.takesPicture && pictureBodies),
        },
      },
    }),
    responses: {
      [reference.status]: describeSuccess(route, toSchema),
      ...(hasEtag(route) && route.method === "GET" && { 304: { description: "The client has this revision" } }),
      ...describeFailures(failuresOf(route)),
    },
  };
}

/** Bodies of an operation that takes the bytes of a picture. */
const pictureBodies = Object.fromEntries(
  ["image/png", "image/jpeg", "image/svg+xml"].map((type) => [
    type,
    { schema: { type: "string", contentMediaType: type, maxLength: limits.logoBytesMax } },
  ]),
);

function acceptsSlug({ method, path }: Route): boolean {
  return path.startsWith("/v1/qr-codes/") && method === "GET";
}

function tagOf({ path }: Route): string {
  if (path.startsWith("/v1/qr-codes")) return "QR codes";
  if (path.startsWith("/v1/logos")) return "Logos";
  return path.startsWith("/v1/projects") ? "Projects" : "Usage";
}

function hasEtag({ operation }: Route): boolean {
  return ["createQrCode", "getQrCode", "updateQrCode", "getQrCodeImage"].includes(operation);
}

function queryParameters(query: z.ZodObject, toSchema: (schema: z.ZodType, io?: "input") => Json) {
  // zod's output for an object schema has properties; the rest of this file handles plain JSON.
  const { properties = {} } = jsonSchema(query, "input", {}) as { properties?: Record<string, Json> };
  return Object.entries(properties).map(([name, schema]) => {
    const inner = unwrap(query.shape[name]);
    // Set by the schemas of queries; zod accepts metadata of any type.
    const parameter = inner.meta()?.parameter as Json | undefined;
    return {
      name,
      in: "query",
      required: false,
      schema: parameter ?? (schema.$ref ? toSchema(inner, "input") : schema),
    };
  });
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? // zod types an unwrapped schema as its core type; every schema here is a full one.
      unwrap(schema.unwrap() as z.ZodType)
    : schema;
}

function headerParameters(route: Route) {
  const header = (name: string, pattern: string | undefined, description: string) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string", ...(pattern && { pattern }) },
  });
  const once = "1 to 255 visible ASCII characters; the same request with it is done once in 24 hours";
  return [
    ...(route.method === "POST" ? [header("Idempotency-Key", idempotencyKeyPattern.source, once)] : []),
    ...(route.operation === "updateQrCode"
      ? [header("If-Match", etagsPattern, "The `ETag` of the revision to change, or `*`")]
      : []),
    ...(hasEtag(route) && route.method === "GET"
      ? [header("If-None-Match", undefined, "`ETag`s that the client has")]
      : []),
  ];
}

const etagsPattern = '^(\\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$';
const text = (description: string) => ({ description, schema: { type: "string" } });
const idHeader = { "x-request-id": text("Names the request") };
const limitHeaders = {
  RateLimit: text("What is left of each window; not sent where there is no limit"),
  "RateLimit-Policy": text("The limits of the account"),
};
/** Statuses whose responses have a Retry-After header. */
const retryStatuses = [429, 503];

function describeSuccess(route: Route, toSchema: (schema: z.ZodType) => Json): Json {
  const { reference } = route;
  const headers: Json = {
    ...idHeader,
    ...limitHeaders,
    ...(hasEtag(route) && { ETag: text("Names the revision") }),
    ...(route.method === "POST" && { "Idempotent-Replayed": text("`true` if an earlier answer is given again") }),
  };
  if (reference.data === "file") {
    const binary = { schema: { type: "string", contentEncoding: "binary" } };
    const content = { "image/svg+xml": { schema: { type: "string" } }, "image/png": binary, "application/pdf": binary };
    return { description: "The symbol", headers, content };
  }
  const envelope = z.object({
    ok: z.literal(true),
    version: z.string(),
    request_id: requestId,
    ...(reference.isList
      ? {
          items: z.array(reference.data),
          next_page_token: z.string().nullable().meta({ description: "null on the last page" }),
        }
      : { data: reference.data }),
  });
  return { description: "Done", headers, content: { "application/json": { schema: toSchema(envelope) } } };
}

/** Returns one entry for each status, with its possible error codes. */
function describeFailures(reasons: Reason[]): Json {
  const byStatus = new Map<number, Reason[]>();
  for (const reason of reasons) {
    const { http } = catalogue[reason];
    byStatus.set(http, [...(byStatus.get(http) ?? []), reason]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, some]) => [
      status,
      {
        description: some.map((reason) => `\`${reason.toLowerCase()}\`: ${catalogue[reason].message}`).join("\n\n"),
        headers: {
          ...idHeader,
          ...(status === catalogue.UNAUTHORIZED.http
            ? { "WWW-Authenticate": text('`ApiKey realm="qrforge"`') }
            : limitHeaders),
          ...(retryStatuses.includes(status) && { "Retry-After": text("Seconds until it is worth trying again") }),
        },
        content: { "application/json": { schema: { $ref: `${components}Failure` } } },
      },
    ]),
  );
}

/** Returns a schema as JSON Schema; moves schemas with an id to the components. */
function jsonSchema(schema: z.ZodType, io: "input" | "output", into: Json): Json {
  const {
    $defs = {},
    $schema: _,
    ...rest
  } = z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-2020-12" }) as {
    $defs?: Json;
    $schema?: string;
  } & Json;
  const move = (value: unknown) =>
    JSON.parse(
      JSON.stringify(value, (key, part) => (key === "$ref" ? String(part).replace("#/$defs/", components) : part)),
    );
  for (const [name, definition] of Object.entries($defs)) {
    const { id: _id, ...described } = move(definition);
    into[name] = described;
  }
  const { id, ...described } = move(rest);
  if (typeof id !== "string") return described;
  into[id] = described;
  return { $ref: `${components}${id}` };
}
