import { STATUS_CODES } from "node:http";
import { z } from "zod";
import { catalogue, type Reason } from "../../../platform/errors.ts";
import { errorResponse } from "../api/responses/error.ts";
import { exampleOf } from "../api/responses/fields.ts";
import type { Route } from "../api/route.ts";
import { apiVersion } from "../http/envelope.ts";
import type { Components, Json } from "./components.ts";

const exampleId = "019bdb1e-7f4e-7c3a-9d5e-2f6b8a1c4d70";
const header = (description: string, schema: Json = { type: "string" }) => ({ description, schema });
const idHeader = { "x-request-id": header("Id of the request") };
const limitHeaders = {
  RateLimit: header('What is left of each window, as `"minute";r=599;t=41`; not sent where there is no limit'),
  "RateLimit-Policy": header('The limits of the account, as `"minute";q=600;w=60`; not sent where there is none'),
};
const etagHeader = { ETag: header("Names the revision, for `If-Match` and `If-None-Match`") };
const retryHeader = {
  "Retry-After": header("Seconds until the request is worth repeating", { type: "integer", minimum: 0 }),
};

/** Returns whether an operation's answer has an ETag. */
export function hasEtag({ operation }: Route): boolean {
  return ["createQrCode", "getQrCode", "updateQrCode", "getQrCodeImage"].includes(operation);
}

/** Returns whether an operation answers with where to find what it created. */
function hasLocation({ operation }: Route): boolean {
  return ["createQrCode", "createProject"].includes(operation);
}

/** Describes a successful response. */
export function describeSuccess(route: Route, components: Components): Json {
  const { reference } = route;
  const headers: Json = {
    ...idHeader,
    ...limitHeaders,
    ...(hasEtag(route) && etagHeader),
    ...(hasLocation(route) && {
      Location: header("Path of what was created", { type: "string", format: "uri-reference" }),
    }),
    ...(route.method === "POST" && {
      "Idempotent-Replayed": header("Sent if an earlier answer is given again", { type: "string", const: "true" }),
    }),
  };
  if (reference.data === "file") {
    const picture = { schema: { type: "string", format: "binary" } };
    const content = { "image/svg+xml": picture, "image/png": picture, "application/pdf": picture };
    return {
      description: "The symbol",
      headers: { ...headers, Vary: header("`Accept`, which may choose the format") },
      content,
    };
  }
  const { id } = reference.data.meta() ?? {};
  const name = `${id}${reference.isList ? "Page" : "Response"}`;
  const example = {
    ok: true,
    version: apiVersion,
    request_id: exampleId,
    ...(reference.isList
      ? { items: [exampleOf(reference.data)], next_page_token: null }
      : { data: exampleOf(reference.data) }),
  };
  const schema = components.add(name, components.response(envelopeOf(reference.data, reference.isList)));
  return { description: "Done", headers, content: { "application/json": { schema, example } } };
}

function envelopeOf(data: z.ZodType, isList = false): z.ZodType {
  const head = {
    ok: z.literal(true).meta({ description: "Whether the request succeeded" }),
    version: z.string().meta({ description: "Version of the API" }),
    request_id: z.string().meta({ format: "uuid", description: "Id of the request, also in `x-request-id`" }),
  };
  if (!isList) return z.object({ ...head, data }).meta({ description: "A successful answer" });
  return z
    .object({
      ...head,
      items: z.array(data).meta({ description: "The items, in order" }),
      next_page_token: z.string().nullable().meta({ description: "Token of the next page; null on the last one" }),
    })
    .meta({ description: "A list, or a page of one" });
}

/** Describes the response to a client that has the revision already. */
export function describeUnchanged({ operation }: Route): Json {
  const vary = operation === "getQrCodeImage" && { Vary: header("`Accept`, which may choose the format") };
  return {
    description: "The client has this revision",
    headers: { ...idHeader, ...limitHeaders, ...etagHeader, ...vary },
  };
}

/**
 * Describes the responses of each status, with the error codes that an operation may answer it with. `anywhere` are the reasons of
 * all operations, each once.
 */
export function describeFailures(reasons: Reason[], anywhere: Reason[], components: Components): Json {
  const responses: Json = {};
  for (const status of new Set(reasons.map((reason) => catalogue[reason].http))) {
    const own = [...new Set(reasons)].filter((reason) => catalogue[reason].http === status);
    responses[status] = {
      description: own.map((reason) => `\`${reason.toLowerCase()}\`: ${catalogue[reason].message}`).join("\n\n"),
      headers: {
        ...idHeader,
        ...(status === catalogue.UNAUTHORIZED.http
          ? { "WWW-Authenticate": header('`ApiKey realm="qrforge"`') }
          : limitHeaders),
        ...(own.some((reason) => withRetryAfter.has(reason)) && retryHeader),
      },
      content: {
        "application/json": {
          schema: errorOf(status, anywhere, components),
          examples: Object.fromEntries(own.map((reason) => [reason.toLowerCase(), { value: failureOf(reason) }])),
        },
      },
    };
  }
  return responses;
}

/** Reasons whose responses have a Retry-After header. */
const withRetryAfter = new Set<Reason>([
  "RATE_LIMIT_MINUTE",
  "RATE_LIMIT_DAY",
  "UNAVAILABLE",
  "IDEMPOTENCY_IN_PROGRESS",
]);

/** Returns the schema of the errors of a status, such as `NotFound`: an `Error` with one of the codes that operations name. */
function errorOf(status: number, anywhere: Reason[], components: Components): Json {
  const codes = anywhere.filter((reason) => catalogue[reason].http === status).map((reason) => reason.toLowerCase());
  return components.add((STATUS_CODES[status] ?? "").replaceAll(/\W/g, ""), {
    description: `An error with status ${status}`,
    allOf: [components.response(errorResponse)],
    properties: { code: { type: "string", enum: codes, description: "What went wrong, for programs" } },
  });
}

function failureOf(reason: Reason): Json {
  const hasFields = reason === "INVALID_PAYLOAD";
  return {
    ok: false,
    version: apiVersion,
    request_id: exampleId,
    code: reason.toLowerCase(),
    message: hasFields ? "name is required" : catalogue[reason].message,
    ...(hasFields && { details: [{ field: "name", issue: "is required" }] }),
  };
}
