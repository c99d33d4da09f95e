import ipaddr from "ipaddr.js";
import { baseUrl } from "./process/base-url.ts";

/** Setting for the start of short URLs. qr encodes it in codes and the edge reports its reach, so both need the same value. */
export const shortUrlSettings = {
  shortUrlBase: baseUrl(
    "SHORT_URL_BASE",
    "where short URLs begin: the public address of the scan host, which printed codes encode for good",
    "http://localhost:8080",
  ),
};

/**
 * Where a short URL can be opened: on this machine only (`loopback`), in networks that the internet does not reach
 * (`link-local`, `private`), or everywhere (`public`).
 */
export type Reach = "loopback" | "link-local" | "private" | "public";

/** Domains that public DNS does not resolve: RFC 2606, RFC 6761, RFC 8375, ICANN's `.internal`, and those of home routers. */
const privateSuffixes = ["internal", "test", "example", "invalid", "home.arpa", "lan", "home", "corp", "localdomain"];

/** Reach of an address by the name of its range; other ranges are public. */
const reachOfRange: Record<string, Reach> = {
  unspecified: "loopback",
  loopback: "loopback",
  linkLocal: "link-local",
  private: "private",
  uniqueLocal: "private",
  carrierGradeNat: "private",
  reserved: "private",
  benchmarking: "private",
  deprecatedSiteLocal: "private",
};

const whoCanOpen: Partial<Record<Reach, string>> = {
  loopback: "only this machine can open",
  "link-local": "only devices in the same network can open",
  private: "only devices in the same network can open",
};

/** Returns a warning that says what to change if codes do not work everywhere; undefined if they do. */
export function limitOfReach(base: string): string | undefined {
  const who = whoCanOpen[reachOf(base)];
  return (
    who &&
    `Codes lead to ${base}, which ${who}. Set SHORT_URL_BASE to an address that phones reach before you print any.`
  );
}

/**
 * Returns where codes can be scanned whose short URLs start with `base`. Checks the host name only, without DNS look-ups.
 * Throws a TypeError if `base` is not an absolute URL.
 */
export function reachOf(base: string): Reach {
  // The URL parser normalizes each spelling of an IPv4 address.
  const host = new URL(base).hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (ipaddr.isValid(host)) return reachOfRange[ipaddr.process(host).range()] ?? "public";
  const isUnder = (suffix: string) => host === suffix || host.endsWith(`.${suffix}`);
  if (isUnder("localhost")) return "loopback";
  if (isUnder("local")) return "link-local";
  return !host.includes(".") || privateSuffixes.some(isUnder) ? "private" : "public";
}
