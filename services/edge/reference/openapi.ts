import type { z } from "zod";
import { idempotencyKeyPattern } from "../../../contracts/idempotency-key.ts";
import { limits } from "../../../contracts/limits.ts";
import type { Reason } from "../../../platform/errors.ts";
import type { Route } from "../api/route.ts";
import { apiVersion } from "../http/envelope.ts";
import { type Components, createComponents, type Json, queryJsonSchemas } from "./components.ts";
import { describeFailures, describeSuccess, describeUnchanged, hasEtag } from "./responses.ts";

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
  const components = createComponents();
  const anywhere = [...new Set(routes.flatMap(failuresOf))];
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route, anywhere, components) };
  }
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
      schemas: components.schemas,
    },
  };
}

function describeRoute(route: Route, anywhere: Reason[], components: Components): Json {
  const { reference } = route;
  const parameters = [
    ...[...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      description: acceptsSlug(route) ? "The code's id or slug" : "The id",
      schema: { type: "string" },
    })),
    ...queryParameters(route.query),
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
          "application/json": { schema: components.request(route.body), example: reference.example.body },
          ...(route.takesPicture && pictureBodies),
        },
      },
    }),
    responses: {
      [reference.status]: describeSuccess(route, components),
      ...(hasEtag(route) && route.method === "GET" && { 304: describeUnchanged(route) }),
      ...describeFailures(failuresOf(route), anywhere, components),
    },
  };
}

/** Bodies of an operation that takes the bytes of a picture. */
const pictureBodies = Object.fromEntries(
  ["image/png", "image/jpeg", "image/svg+xml"].map((type) => [
    type,
    { schema: { type: "string", format: "binary", maxLength: limits.logoBytesMax } },
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

function queryParameters(query: z.ZodObject) {
  return Object.entries(queryJsonSchemas(query)).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: false,
    description,
    schema,
  }));
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
