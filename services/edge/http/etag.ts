import { ServiceError } from "../../../platform/errors.ts";
import type { RouteAnswer } from "../api/route.ts";

/** Returns an entity tag in header syntax. */
export function quoted(etag: string | undefined): string {
  return `"${etag}"`;
}

/** Returns the response, or 304 if the client has this revision already. */
export function unlessMatched(ifNoneMatch: string | undefined, etag: string, data: unknown): RouteAnswer {
  const headers = { etag: quoted(etag) };
  const known = readTags(ifNoneMatch);
  if (known.includes("*") || known.includes(etag)) return { status: 304, headers };
  return { data, headers };
}

/** Returns the tags of If-None-Match without quotation marks, or `*`. Weak tags match as well (RFC 9110). */
export function readTags(ifNoneMatch: string | undefined): string[] {
  if (ifNoneMatch?.trim() === "*") return ["*"];
  return [...(ifNoneMatch ?? "").matchAll(/(?:^|,)\s*(?:W\/)?"([^"]*)"\s*(?=,|$)/g)].map(([, tag = ""]) => tag);
}

/** Returns the tags of If-Match, separated by commas; empty for none or `*`. Weak tags never match (RFC 9110). */
export function requiredTag(ifMatch: string | undefined): string {
  if (ifMatch === undefined || ifMatch.trim() === "*") return "";
  const tags = ifMatch.split(",").map((tag) => /^(W\/)?"([^",]+)"$/.exec(tag.trim()));
  if (tags.includes(null))
    throw new ServiceError("INVALID_REQUEST", "If-Match must be ETags in quotation marks, or *.");
  const strong = tags.flatMap((tag) => (tag?.[2] !== undefined && tag[1] === undefined ? [tag[2]] : []));
  if (strong.length === 0) throw new ServiceError("PRECONDITION_FAILED", "If-Match needs a strong ETag.");
  return strong.join(",");
}
