import { ServiceError } from "../../../platform/errors.ts";
import type { RouteAnswer } from "../api/route.ts";

/** Returns an entity tag in header syntax. */
export function quoted(etag: string | undefined): string {
  return `"${etag}"`;
}

/** Returns the response, or 304 if the client has this revision already. */
export function unlessMatched(ifNoneMatch: string | undefined, etag: string, data: unknown): RouteAnswer {
  const known = readTags(ifNoneMatch);
  if (known.includes("*") || known.includes(etag)) return { status: 304, headers: notModified(ifNoneMatch, etag) };
  return { data, headers: { etag: quoted(etag) } };
}

/** Returns the headers of a 304: the tag of the representation that the client has, compressed or not. */
export function notModified(ifNoneMatch: string | undefined, etag: string): Record<string, string> {
  const held = sentTags(ifNoneMatch).find((tag) => uncompressed(tag) === etag);
  return { etag: quoted(held ?? etag), vary: "accept-encoding" };
}

/** Returns the tag of an answer without what compression adds to it. */
function uncompressed(tag: string): string {
  return tag.replace(/-(?:gzip|br)$/, "");
}

/** Returns the tags of If-None-Match without quotation marks, or `*`. Weak tags match as well (RFC 9110), and those of compressed answers. */
export function readTags(ifNoneMatch: string | undefined): string[] {
  return ifNoneMatch?.trim() === "*" ? ["*"] : sentTags(ifNoneMatch).map(uncompressed);
}

function sentTags(ifNoneMatch: string | undefined): string[] {
  return [...(ifNoneMatch ?? "").matchAll(/(?:^|,)\s*(?:W\/)?"([^"]*)"\s*(?=,|$)/g)].map(([, tag = ""]) => tag);
}

/** Returns the tags of If-Match, separated by commas; empty for none or `*`. Weak tags never match (RFC 9110). */
export function requiredTag(ifMatch: string | undefined): string {
  if (ifMatch === undefined || ifMatch.trim() === "*") return "";
  const tags = ifMatch.split(",").map((tag) => /^(W\/)?"([^",]+)"$/.exec(tag.trim()));
  if (tags.includes(null))
    throw new ServiceError("INVALID_REQUEST", "If-Match must be ETags in quotation marks, or *.");
  const strong = tags.flatMap((tag) => (tag?.[2] !== undefined && tag[1] === undefined ? [uncompressed(tag[2])] : []));
  if (strong.length === 0) throw new ServiceError("PRECONDITION_FAILED", "If-Match needs a strong ETag.");
  return strong.join(",");
}
