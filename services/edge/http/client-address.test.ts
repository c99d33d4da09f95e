import { EventEmitter, once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, createServer, type Http2ServerRequest } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { describe, expect, it, vi } from "vitest";
import type { Logger } from "../../../platform/telemetry/log.ts";
import { readCaseFile } from "../../../test/support/cases.ts";
import { createOriginLookup, readAddress, readPeers } from "./client-address.ts";
import { addressList } from "./trusted-proxies.ts";

const trusted = addressList("X", "").parse("10.0.0.0/8, ::1");
const warn = vi.fn();
/** A request on a connection that was opened from an address. */
function requestFrom(remoteAddress: string | undefined, headers: Record<string, string>): IncomingMessage {
  const server = new EventEmitter();
  readPeers(server as Server);
  const socket = { remoteAddress };
  server.emit("connection", socket);
  return { socket, headers } as unknown as IncomingMessage;
}
const lookup = (remoteAddress: string | undefined, headers: Record<string, string> = {}) =>
  createOriginLookup(trusted, { warn } as unknown as Logger)(requestFrom(remoteAddress, headers));

describe("a client's address", () => {
  it.each([
    ["198.51.100.7", {}, "198.51.100.7"],
    ["::ffff:198.51.100.7", {}, "198.51.100.7"],
    ["10.0.0.1", { "x-forwarded-for": "198.51.100.7" }, "198.51.100.7"],
    ["10.0.0.1", { "x-forwarded-for": "203.0.113.9, 198.51.100.7, 10.2.2.2" }, "198.51.100.7"],
    ["10.0.0.1", { "x-forwarded-for": "198.51.100.7:50123" }, "198.51.100.7"],
    ["::1", { "x-forwarded-for": "[2001:db8::7]:443" }, "2001:db8::7"],
    ["10.0.0.1", { "x-forwarded-for": "2001:DB8:0:0::7" }, "2001:db8::7"],
    ["10.0.0.1", { "x-forwarded-for": "::ffff:198.51.100.7" }, "198.51.100.7"],
    ["10.0.0.1", {}, "10.0.0.1"],
    ["198.51.100.7", { "x-forwarded-for": "203.0.113.9" }, "198.51.100.7"],
    [undefined, {}, ""],
  ])("from %s with %j is %s", (remote, headers, address) => {
    expect(lookup(remote, headers as Record<string, string>).address).toBe(address);
  });

  it("forwarded by who is not trusted is warned of once", () => {
    warn.mockClear();
    const find = createOriginLookup(trusted, { warn } as unknown as Logger);
    for (let times = 0; times < 3; times++) find(requestFrom("192.0.2.1", { "x-forwarded-for": "a" }));
    expect(warn).toHaveBeenCalledOnce();
  });

  it("is known after the client has gone, over HTTP/2 as well", async () => {
    const server = createServer();
    readPeers(server);
    const arrived = once(server, "request");
    await once(server.listen(0, "127.0.0.1"), "listening");
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    client.on("error", () => {});
    client.request({ ":path": "/" }).on("error", () => {});
    const [request] = (await arrived) as [Http2ServerRequest];
    const gone = once(request.stream, "close");
    client.destroy();
    await gone;
    const origin = createOriginLookup(trusted, { warn } as unknown as Logger)(request);
    expect(origin).toEqual({ address: "127.0.0.1", isProxied: false, isSecure: false });
    server.close();
  });

  const { forwarded } = readCaseFile<{ forwarded: { text: string; address: string | null }[] }>("client-addresses");

  it.each(forwarded)("is read from $text as $address, however it is spelt", ({ text, address }) => {
    expect(readAddress(text) ?? null).toBe(address);
    const headers = { "x-forwarded-for": `192.0.2.99, ${text}` };
    // A proxy that sends no address stands for its clients.
    expect(lookup("10.0.0.1", headers).address).toBe(text.trim() === "" ? "192.0.2.99" : (address ?? "10.0.0.1"));
  });
});

describe("whether a client speaks TLS", () => {
  it.each([
    ["10.0.0.1", { "x-forwarded-proto": "https" }, true],
    ["10.0.0.1", { "x-forwarded-proto": "https, http" }, true],
    ["10.0.0.1", { "x-forwarded-proto": "http" }, false],
    ["192.0.2.1", { "x-forwarded-proto": "https" }, false],
  ])("from %s with %j: %s", (remote, headers, isSecure) => {
    expect(lookup(remote, headers as unknown as Record<string, string>).isSecure).toBe(isSecure);
  });
});
