import type { Setting } from "./config.ts";

/**
 * Returns a setting of a URL that others begin with, so without a query, a fragment and a final slash. It is read into one
 * spelling: the host in ASCII and small letters, without a final dot, and no port where it is the scheme's own.
 */
export function baseUrl(env: string, meaning: string, fallback?: string): Setting<string> {
  return { env, meaning, default: fallback, parse: (value) => (value === "" ? value : readBaseUrl(value)) };
}

/** Returns a setting of any number of such URLs, separated by commas. */
export function baseUrls(env: string, meaning: string): Setting<string[]> {
  const read = (text: string) => text.split(",").flatMap((one) => (one.trim() === "" ? [] : readBaseUrl(one.trim())));
  return { env, meaning, default: "", parse: read };
}

function readBaseUrl(value: string): string {
  const [, authority] = /^https?:\/\/([^/?#]+)/i.exec(value) ?? [];
  // The URL parser would drop or mend these silently; braces are those of a template that nothing has filled in.
  if (/[\s\p{Cc}\\"'`{}<>^|]/u.test(value)) throw new Error("must have no blanks, backslashes, quotes or brackets");
  if (authority === undefined || !URL.canParse(value)) {
    throw new Error("must be a URL that begins with http:// or https://");
  }
  const { protocol, hostname, port, pathname } = new URL(value);
  const host = hostname.replace(/\.$/, "");
  if (!/^(?:\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/.test(host)) {
    throw new Error("must have a host of letters, digits, hyphens and dots");
  }
  const canonical = `${protocol}//${host}${port && `:${port}`}${pathname.replace(/\/+$/, "")}`;
  if (authority.includes("@")) throw new Error(`must hold no user name or password; write ${canonical}`);
  if (/[?#]/.test(value)) throw new Error(`must have no query (?) or fragment (#); write ${canonical}`);
  return canonical;
}
