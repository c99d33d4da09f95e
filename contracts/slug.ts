/** Paths that the edge serves itself or may come to serve; none can be a slug. */
const reserved = new Set(
  (
    "abuse admin api app assets auth batch billing dashboard docs export external favicon graphql grpc health healthz help index " +
    "internal leaked-keys login logout metrics openapi qr readyz robots scan scans security settings signin signup sitemap " +
    "static status support usage v1 v2 well-known www"
  ).split(" "),
);

export const slugPattern = /^[0-9a-z][0-9a-z-]{1,62}[0-9a-z]$/;
export const slugFormIssue = "must have 3 to 64 characters of [0-9a-z-] and begin and end with a letter or digit";

/** Returns a slug that nobody chose: `qr-` and 7 random characters of [0-9a-z]. */
export function formatSlug(randomPart: string): string {
  return `qr-${randomPart}`;
}

/** What people and programs put behind a printed address: blanks, a slash, the full stop of a sentence, a bracket. */
const behind = /[\p{P}\p{Z}\p{Cc}\p{Cf}]+$/u;

/** Returns the slug that a path segment means, in any letter case and with something behind it; undefined if it is none. */
export function readSlug(segment: string): string | undefined {
  const slug = segment.slice(0, 100).replace(behind, "").toLowerCase();
  return slugPattern.test(slug) ? slug : undefined;
}

/** Returns what is wrong with a chosen slug, or undefined. */
export function slugIssue(slug: string): string | undefined {
  if (!slugPattern.test(slug)) return slugFormIssue;
  if (reserved.has(slug)) return "is reserved; choose another";
  return undefined;
}
