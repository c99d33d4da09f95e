import { isIPv6 } from "node:net";

/** A key under which requests of an address are counted, and how many times the limit of one client it may use. */
export interface RateLimitKey {
  key: string;
  times: number;
}

/**
 * Limit of an IPv6 /48, as a multiple of that of one client: a site usually gets a /48, and so whoever has one has 65,536
 * /64s. Enough for several clients at one site.
 */
const siteTimes = 16;

/**
 * Returns the rate-limiting key of a client address: IPv4 unchanged (also when mapped into IPv6), IPv6 reduced to its /64,
 * since a client usually controls all of it. Returns other input unchanged.
 */
export function rateLimitKey(address: string): string {
  return networkOf(address, 64);
}

/** Returns the same for the site of an address: IPv6 is reduced to its /48. For limits that many clients share as one. */
export function siteKey(address: string): string {
  return networkOf(address, 48);
}

/**
 * Returns all keys under which requests of an address are counted: its own, and for IPv6 also that of its /48. A request is
 * refused if one of them has reached its limit.
 */
export function rateLimitKeys(address: string): RateLimitKey[] {
  const [client, site] = [rateLimitKey(address), siteKey(address)];
  return [{ key: client, times: 1 }, ...(site === client ? [] : [{ key: site, times: siteTimes }])];
}

function networkOf(address: string, bits: 48 | 64): string {
  const plain = address.replace(/%.*$/, "");
  if (!isIPv6(plain)) return address;
  // Canonical spelling: https://url.spec.whatwg.org/#concept-ipv6-serializer
  const canonical = new URL(`http://[${plain}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? [] : tail.split(":");
    while (groups.length + after.length < 8) groups.push("0");
    groups.push(...after);
  }
  if (groups.slice(0, 5).every((group) => group === "0") && groups[5] === "ffff") {
    const words = groups.slice(6).map((group) => Number.parseInt(group, 16));
    return words.flatMap((word) => [word >> 8, word & 255]).join(".");
  }
  return `${groups.slice(0, bits / 16).join(":")}::/${bits}`;
}
