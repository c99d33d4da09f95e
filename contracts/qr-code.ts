import { type FieldIssue, toFieldIssues } from "./field-issue.ts";
import { limits } from "./limits.ts";
import { redirectUrlIssue } from "./redirect-url.ts";
import { slugIssue } from "./slug.ts";
import { lineIssue } from "./text.ts";

/** The fields of a code that people type. Undefined means not given. */
export interface QrCodeText {
  name?: string | undefined;
  redirectUrl?: string | undefined;
  slug?: string | undefined;
}

/** Returns everything that is wrong with the fields given. `shortUrl` is the code's own, where it is known. */
export function qrCodeTextIssues({ name, redirectUrl, slug }: QrCodeText, shortUrl: string | undefined): FieldIssue[] {
  return toFieldIssues([
    ["name", name === undefined ? undefined : lineIssue(name, 1, limits.codeNameLengthMax)],
    ["redirect_url", redirectUrl === undefined ? undefined : redirectUrlIssue(redirectUrl, shortUrl)],
    ["slug", slug === undefined ? undefined : slugIssue(slug)],
  ]);
}
