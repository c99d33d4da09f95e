import type { FastifyRequest } from "fastify";
import { ServiceError } from "../../../platform/errors.ts";
import { invalidFields } from "./route.ts";

/**
 * Returns the parameters of a request's query. Throws INVALID_REQUEST if one is given twice or has no name, or if the query
 * is not percent-encoded UTF-8: the parser keeps such a value as it was sent, and a search for it would find nothing.
 */
export function readQuery({ url, query }: Pick<FastifyRequest, "url" | "query">): Record<string, string> {
  // A query is an object, which its type does not declare.
  const parameters = query as Record<string, string | string[]>;
  if ("" in parameters) throw new ServiceError("INVALID_REQUEST", "A parameter of the query has no name.");
  const fields = Object.keys(parameters)
    .filter((name) => Array.isArray(parameters[name]))
    .map((field) => ({ field, issue: "must be given once" }));
  if (fields.length > 0) throw invalidFields("INVALID_REQUEST", fields);
  if (!isPercentEncoded(url)) {
    throw new ServiceError("INVALID_REQUEST", "The query must be UTF-8, percent-encoded; write a percent sign as %25.");
  }
  return parameters as Record<string, string>;
}

function isPercentEncoded(url: string): boolean {
  if (!url.includes("%")) return true;
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}
