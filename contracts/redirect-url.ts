import { limits } from "./limits.ts";

export const redirectUrlStart = /^[hH][tT][tT][pP][sS]?:\/\//;
export const redirectUrlStartIssue = "must be an absolute URL that begins with http:// or https://";

/**
 * Returns what is wrong with a redirect URL, or undefined. The URL is stored and sent as it was given, so what the
 * WHATWG parser would silently drop or mend (control characters, spaces, backslashes) is refused.
 */
export function redirectUrlIssue(redirectUrl: string, shortUrl: string | undefined): string | undefined {
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
  const url = new URL(redirectUrl);
  if (shortUrl !== undefined) {
    const own = new URL(shortUrl);
    if (url.host === own.host && decodePath(url.pathname) === own.pathname) {
      return "must not be the code's own short URL";
    }
  }
  return undefined;
}

/** A path as the redirect route reads it: decoded, and without a slash at its end. */
function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname).replace(/\/+$/, "");
  } catch {
    return pathname;
  }
}
