import { slugIssue } from "./slug.ts";

/** Returns whether a URL is a short URL of the deployment. */
export type ShortUrlCheck = (url: URL) => boolean;

/**
 * Creates the check of whether a URL is a short URL below one of these bases, however it is written: with or without TLS, in
 * capitals, with a final dot or slash, percent-encoded.
 */
export function createShortUrlCheck(bases: readonly string[]): ShortUrlCheck {
  const own = bases.map((base) => {
    const url = new URL(base);
    return { host: canonicalHost(url), path: `${decodePath(url.pathname).replace(/\/$/, "")}/` };
  });
  return (url) => {
    const host = canonicalHost(url);
    const path = decodePath(url.pathname);
    return own.some((base) => {
      if (host !== base.host || !path.startsWith(base.path)) return false;
      // Capitals, and what a person types behind a slug, may lead to the same code.
      const slug = path.slice(base.path.length).toLowerCase();
      return slugIssue(slug.replace(/[\s/.,;:!?]+$/, "")) === undefined;
    });
  };
}

/**
 * Returns the host and port of a URL in one spelling; the URL parser has lower-cased the host and put it into punycode. The
 * ports of http and https count as none, and all names of this machine as one.
 */
function canonicalHost({ hostname, port }: URL): string {
  const name = hostname.replace(/\.$/, "");
  const isLoopback =
    /^(?:(?:.*\.)?localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]+\])$/.test(name);
  const host = isLoopback ? "localhost" : name;
  return ["", "80", "443"].includes(port) ? host : `${host}:${port}`;
}

/** Returns a path decoded, and without doubled slashes. */
function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname).replace(/\/+/g, "/");
  } catch {
    return pathname;
  }
}
