import { describe, expect, it } from "vitest";
import { accessSettings, isAllowed, serverCredentials } from "./tls.ts";

const { parse } = accessSettings.rpcAllow;
const none = { tlsCertFile: "", tlsKeyFile: "", tlsCaFile: "", tlsServerName: "localhost" };

describe("who may call what", () => {
  it("is told by client and method, or by the beginning of a method", () => {
    const allowed = parse("edge:a.v1.KeyService/Resolve, edge:a.v1.LeaseService/*,admin:*");
    expect(isAllowed(allowed, ["edge"], "a.v1.KeyService/Resolve")).toBe(true);
    expect(isAllowed(allowed, ["x", "edge"], "a.v1.LeaseService/Renew")).toBe(true);
    expect(isAllowed(allowed, ["edge"], "a.v1.KeyService/Create")).toBe(false);
    expect(isAllowed(allowed, ["admin"], "a.v1.KeyService/Create")).toBe(true);
    expect(isAllowed(allowed, [], "a.v1.KeyService/Resolve")).toBe(false);
    expect(isAllowed(parse(""), [], "anything")).toBe(true);
    expect(() => parse("edge")).toThrow("client:package.Service/Method");
  });
});

describe("clear text", () => {
  it("is served on loopback, and elsewhere only if told so in so many words", () => {
    for (const host of ["127.0.0.1", "::1", "localhost"]) {
      expect(() => serverCredentials({ ...none, insecureListen: false, listen: { host } })).not.toThrow();
    }
    const open = { ...none, listen: { host: "0.0.0.0" } };
    expect(() => serverCredentials({ ...open, insecureListen: false })).toThrow("INSECURE_LISTEN=yes");
    expect(() => serverCredentials({ ...open, insecureListen: true })).not.toThrow();
  });

  it("is not what half a set of certificates falls back to", () => {
    const half = { ...none, tlsCertFile: "x", insecureListen: true, listen: { host: "127.0.0.1" } };
    expect(() => serverCredentials(half)).toThrow("must be set together");
  });
});
