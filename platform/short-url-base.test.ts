import { describe, expect, it } from "vitest";
import { reachOf } from "./short-url-base.ts";

describe("the reach of a short URL's base", () => {
  it.each([
    ["http://localhost:8080", "loopback"],
    ["http://LOCALHOST.:8080", "loopback"],
    ["http://qr.localhost", "loopback"],
    ["http://127.0.0.1:8080", "loopback"],
    ["http://127.255.255.254", "loopback"],
    ["http://0x7f.1", "loopback"],
    ["http://2130706433", "loopback"],
    ["http://0.0.0.0:8080", "loopback"],
    ["http://[::1]:8080", "loopback"],
    ["http://[::ffff:127.0.0.1]", "loopback"],
    ["http://[::]", "loopback"],
    ["http://169.254.1.1", "link-local"],
    ["http://[fe80::1]", "link-local"],
    ["http://[febf::1]", "link-local"],
    ["http://printer.local", "link-local"],
    ["http://10.0.0.1", "private"],
    ["http://172.16.0.1", "private"],
    ["http://172.31.255.255", "private"],
    ["http://192.168.1.20:8080", "private"],
    ["http://[::ffff:192.168.1.20]", "private"],
    ["http://100.64.0.1", "private"],
    ["http://100.127.255.255", "private"],
    ["http://192.0.2.2", "private"],
    ["http://[fc00::1]", "private"],
    ["http://[fdff::1]", "private"],
    ["http://[2001:db8::1]", "private"],
    ["http://edge:8080", "private"],
    ["http://qr.internal", "private"],
    ["http://qr.test", "private"],
    ["http://router.home.arpa", "private"],
    ["https://qr.example", "private"],
    ["https://example.com", "public"],
    ["https://q.example.org/r", "public"],
    ["https://localhost.example.com", "public"],
    ["https://internal.dev", "public"],
    ["https://mylocal", "private"],
    ["https://notlocal.io", "public"],
    ["http://172.32.0.1", "public"],
    ["http://172.15.0.1", "public"],
    ["http://100.128.0.1", "public"],
    ["http://9.255.255.255", "public"],
    ["http://128.0.0.1", "public"],
    ["http://[2606:4700::1111]", "public"],
    ["https://xn--mnchen-3ya.de", "public"],
  ])("of %s is %s", (base, reach) => {
    expect(reachOf(base)).toBe(reach);
  });

  it("is refused where the base is no URL", () => {
    expect(() => reachOf("example.com")).toThrow(TypeError);
  });
});
