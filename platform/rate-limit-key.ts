import { isIPv6 } from "node:net";

/**
 * Returns the rate-limiting key of a client address: IPv4 unchanged (also when mapped into IPv6), IPv6 reduced to its /64,
 * since a client usually controls all of it. Returns other input unchanged.
 */
export function rateLimitKey(address: string): string {
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
    const bits = groups.slice(6).map((group) => Number.parseInt(group, 16));
    return bits.flatMap((word) => [word >> 8, word & 255]).join(".");
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}
