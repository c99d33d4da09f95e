import { limits } from "./limits.ts";
import type { ShortUrlCheck } from "./short-url.ts";
import { lengthOf } from "./text.ts";

export const redirectUrlStart = /^[hH][tT][tT][pP][sS]?:\/\//;
export const redirectUrlStartIssue = "must be an absolute URL that begins with http:// or https://";
const nonAscii = /\P{ASCII}+/gu;

/**
 * Returns what is wrong with a redirect URL, or undefined. The URL is stored as it was given, and sent so as far as
 * it is ASCII: what the WHATWG parser would silently drop or mend (control characters, spaces, backslashes) is refused.
 */
export function redirectUrlIssue(redirectUrl: string, isShortUrl: ShortUrlCheck): string | undefined {
  if (redirectUrl === "") return "is required";
  if (lengthOf(redirectUrl) > limits.redirectUrlLengthMax) {
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
  if (locationOf(redirectUrl).length > limits.locationBytesMax) {
    return `must have at most ${limits.locationBytesMax} bytes when it is percent-encoded`;
  }
  if (isShortUrl(new URL(redirectUrl))) {
    return "must not be a short URL of this deployment: codes could lead to each other without an end";
  }
  return undefined;
}

/**
 * Returns a redirect URL in ASCII, as a Location header holds it: the host in punycode, and in path, query and fragment the
 * UTF-8 of other characters percent-encoded. Returns what is ASCII as it was given.
 */
export function locationOf(redirectUrl: string): string {
  if (redirectUrl.search(nonAscii) === -1) return redirectUrl;
  const [, scheme = "", host = "", rest = ""] =
    /^(https?:\/\/)([^/?#]*?)((?::\d*)?(?:[/?#].*)?)$/is.exec(redirectUrl) ?? [];
  const isAscii = host.search(nonAscii) === -1;
  const asciiHost = isAscii || !URL.canParse(scheme + host) ? host : new URL(scheme + host).hostname;
  return (scheme + asciiHost + rest).replace(nonAscii, encodeURIComponent);
}
