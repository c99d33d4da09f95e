import { limits } from "./limits.ts";
import type { ShortUrlCheck } from "./short-url.ts";

export const redirectUrlStart = /^[hH][tT][tT][pP][sS]?:\/\//;
export const redirectUrlStartIssue = "must be an absolute URL that begins with http:// or https://";

/**
 * Returns what is wrong with a redirect URL, or undefined. The URL is stored and sent as it was given, so what the
 * WHATWG parser would silently drop or mend (control characters, spaces, backslashes) is refused.
 */
export function redirectUrlIssue(redirectUrl: string, isShortUrl: ShortUrlCheck): string | undefined {
  if (redirectUrl === "") return "is required";
  if (redirectUrl.length > limits.redirectUrlLengthMax) {
    return `must have at most ${limits.redirectUrlLengthMax} characters`;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\u0000-\u0020\u007f-\u009f\u2028\u2029\\]/.test(redirectUrl)) {
    return "must not have spaces, control characters or backslashes; percent-encode them";
  }
  if (!redirectUrl.isWellFormed()) return "must be well-formed Unicode";
  if (!redirectUrlStart.test(redirectUrl)) return redirectUrlStartIssue;
  const authority = /^https?:\/\/([^/?#]*)/i.exec(redirectUrl)?.[1] ?? "";
  if (authority.includes("@")) return "must not hold a user name or password";
  if (authority === "" || !URL.canParse(redirectUrl)) return "must be a URL with a valid host";
  if (isShortUrl(new URL(redirectUrl))) {
    return "must not be a short URL of this deployment: codes could lead to each other without an end";
  }
  return undefined;
}
