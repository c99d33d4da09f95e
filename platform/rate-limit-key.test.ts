import { describe, expect, it } from "vitest";
import { rateLimitKey, rateLimitKeys, siteKey } from "./rate-limit-key.ts";

describe("the network of an address", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::ffff:c000:207", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"],
    ["2001:0db8::1", "2001:db8:0:0::/64"],
    ["2001:db8::1:0:0:1", "2001:db8:0:0::/64"],
    ["1::2:3:4:5:6:7", "1:0:2:3::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["", ""],
    ["no address", "no address"],
  ])("%s is %s", (address, network) => {
    expect(rateLimitKey(address)).toBe(network);
  });
});

describe("the keys of an address", () => {
  it("are its network and, in IPv6, its site, which may do more", () => {
    expect(rateLimitKeys("2001:db8:1:2:3:4:5:6")).toEqual([
      { key: "2001:db8:1:2::/64", times: 1 },
      { key: "2001:db8:1::/48", times: 16 },
    ]);
    expect(rateLimitKeys("::ffff:192.0.2.7")).toEqual([{ key: "192.0.2.7", times: 1 }]);
    expect(siteKey("2001:db8:1:2::1")).toBe(siteKey("2001:db8:1:ffff::1"));
    expect([siteKey("192.0.2.7"), siteKey("")]).toEqual(["192.0.2.7", ""]);
  });
});
