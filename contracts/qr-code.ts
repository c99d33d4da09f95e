import { type FieldIssue, toFieldIssues } from "./field-issue.ts";
import { limits } from "./limits.ts";
import { redirectUrlIssue } from "./redirect-url.ts";
import type { ShortUrlCheck } from "./short-url.ts";
import { slugIssue } from "./slug.ts";
import { lineIssue } from "./text.ts";

/** The fields of a code that people type. Undefined means not given. */
export interface QrCodeText {
  name?: string | undefined;
  redirectUrl?: string | undefined;
  slug?: string | undefined;
}

/** Returns everything that is wrong with the fields given. No code may lead to a short URL of the deployment. */
export function qrCodeTextIssues({ name, redirectUrl, slug }: QrCodeText, isShortUrl: ShortUrlCheck): FieldIssue[] {
  return toFieldIssues([
    ["name", name === undefined ? undefined : lineIssue(name, 1, limits.codeNameLengthMax)],
    ["redirect_url", redirectUrl === undefined ? undefined : redirectUrlIssue(redirectUrl, isShortUrl)],
    ["slug", slug === undefined ? undefined : slugIssue(slug)],
  ]);
}
