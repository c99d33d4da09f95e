import { readSlug } from "../../contracts/slug.ts";

/** Returns the slug of a short URL, as reports of abuse contain it; an id or slug unchanged. */
export function nameOfCode(text: string): string {
  if (!URL.canParse(text)) return text;
  const [, segment = ""] = /^\/+([^/]*)/.exec(new URL(text).pathname) ?? [];
  // What follows a slug is blanks and punctuation, in percent-encoding, too.
  return readSlug(segment.replace(/%.*$/, "")) ?? text;
}
