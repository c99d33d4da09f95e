import ipaddr from "ipaddr.js";
import { url } from "./process/config.ts";

/** Where short URLs begin. qr puts it into codes, and the edge says how far it reaches, so both are set to the same. */
export const shortUrlSettings = {
  shortUrlBase: url(
    "SHORT_URL_BASE",
    "where short URLs begin: the public address of the scan host, which printed codes encode for good",
    ["http", "https"],
    "http://localhost:8080",
  ),
};

/**
 * From where a short URL can be opened: `loopback` is this machine alone, `link-local` and `private` are networks that the
 * internet does not reach, `public` is everywhere.
 */
export type Reach = "loopback" | "link-local" | "private" | "public";

/** Names that no public DNS resolves: RFC 2606, RFC 6761, RFC 8375, ICANN's `.internal`, and what home routers hand out. */
const privateSuffixes = ["internal", "test", "example", "invalid", "home.arpa", "lan", "home", "corp", "localdomain"];

/** How far each kind of address reaches, by the name of its range; others are public. */
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

/** Returns what to tell people whose codes do not reach everybody, and what to change; undefined if they do. */
export function limitOfReach(base: string): string | undefined {
  const who = whoCanOpen[reachOf(base)];
  return (
    who &&
    `Codes lead to ${base}, which ${who}. Set SHORT_URL_BASE to an address that phones reach before you print any.`
  );
}

/**
 * Returns from where codes can be scanned whose short URLs begin with `base`, judged by the host alone: nothing is resolved.
 * Throws a TypeError if `base` is no absolute URL.
 */
export function reachOf(base: string): Reach {
  // The URL parser brings every spelling of an IPv4 address into one form.
  const host = new URL(base).hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (ipaddr.isValid(host)) return reachOfRange[ipaddr.process(host).range()] ?? "public";
  const isUnder = (suffix: string) => host === suffix || host.endsWith(`.${suffix}`);
  if (isUnder("localhost")) return "loopback";
  if (isUnder("local")) return "link-local";
  return !host.includes(".") || privateSuffixes.some(isUnder) ? "private" : "public";
}
