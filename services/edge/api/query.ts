import type { FastifyRequest } from "fastify";
import { type FieldIssue, ServiceError } from "../../../platform/errors.ts";
import { invalidFields } from "./route.ts";

/**
 * Returns the parameters of a request's query. Throws INVALID_REQUEST if one is given twice or has no name, or if the query
 * is not percent-encoded UTF-8: the parser keeps such a value as it was sent, and a search for it would find nothing.
 */
export function readQuery({ url, query }: Pick<FastifyRequest, "url" | "query">): Record<string, string> {
  const parameters: Record<string, string> = {};
  const fields: FieldIssue[] = [];
  for (const [name, value] of Object.entries(Object(query))) {
    if (name === "") throw new ServiceError("INVALID_REQUEST", "A parameter of the query has no name.");
    if (typeof value === "string") parameters[name] = value;
    else fields.push({ field: name, issue: "must be given once" });
  }
  if (fields.length > 0) throw invalidFields("INVALID_REQUEST", fields);
  if (!isPercentEncoded(url)) {
    throw new ServiceError("INVALID_REQUEST", "The query must be UTF-8, percent-encoded; write a percent sign as %25.");
  }
  return parameters;
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
