import type { NetworkInterfaceInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { chooseLanAddress, lanAddresses } from "./lan.ts";

const ip = (address: string, internal = false) =>
  ({ address, internal, family: address.includes(":") ? "IPv6" : "IPv4" }) as NetworkInterfaceInfo;
const order = (interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>, preferred?: string) =>
  lanAddresses(interfaces, preferred).map(({ address }) => address);

describe("the address in this network", () => {
  it("is none of loopback, IPv6 or link-local", () => {
    const interfaces = { lo: [ip("127.0.0.1", true), ip("::1", true)], eth0: [ip("fe80::1"), ip("169.254.3.4")] };
    expect(order(interfaces)).toEqual([]);
  });

  it("is a private one before a public one, and a real interface's before those of containers and tunnels", () => {
    const interfaces = {
      docker0: [ip("172.17.0.1")],
      "br-4f5e": [ip("172.18.0.1")],
      tun0: [ip("10.8.0.2")],
      eth0: [ip("8.8.4.4")],
      wlan0: [ip("192.168.1.20")],
    };
    expect(order(interfaces).slice(0, 2)).toEqual(["192.168.1.20", "8.8.4.4"]);
    expect(order({ tailscale0: [ip("100.64.0.7")], en0: [ip("8.8.4.4")] })[0]).toBe("8.8.4.4");
  });

  it("is that of the default route where several would do", () => {
    const interfaces = { eth0: [ip("10.0.0.5")], wlan0: [ip("192.168.1.20")] };
    expect(order(interfaces, "192.168.1.20")[0]).toBe("192.168.1.20");
    expect(order(interfaces, "10.0.0.5")[0]).toBe("10.0.0.5");
    // A VPN often takes the default route over.
    expect(order({ ...interfaces, wg0: [ip("10.9.0.2")] }, "10.9.0.2")[0]).toBe("10.0.0.5");
  });

  it("must be this machine's where it is chosen", async () => {
    await expect(chooseLanAddress("203.0.113.9")).rejects.toThrow(/no address of this machine|no IPv4 address/);
  });
});
