import dns from "node:dns";
import { getSystemErrorMap } from "node:util";
import { describe, expect, it } from "vitest";
import { isPassingNetworkError } from "./network-errors.ts";

const passes = (code: string, more = {}) => isPassingNetworkError(Object.assign(new Error("m"), { code, ...more }));

/** Codes of everything that a system call may answer, and of everything that a name server may. */
const systemCodes = [...getSystemErrorMap().values()].map(([name]) => name);
const dnsCodes = Object.values(dns).flatMap((value) => (typeof value === "string" && /^E/.test(value) ? [value] : []));

describe("of all codes of Node's sockets and DNS", () => {
  it("these may pass by themselves", () => {
    const codes = [...new Set([...systemCodes, ...dnsCodes])];
    expect(codes.length).toBeGreaterThan(80);
    expect(codes.filter((code) => passes(code)).sort()).toEqual([
      "EADDRNOTAVAIL",
      "EAGAIN",
      "EAI_AGAIN",
      "EAI_CANCELED",
      "EAI_FAIL",
      "EAI_MEMORY",
      "EAI_NODATA",
      "EAI_NONAME",
      "ECANCELLED",
      "ECONNABORTED",
      "ECONNREFUSED",
      "ECONNRESET",
      "EHOSTDOWN",
      "EHOSTUNREACH",
      "EINTR",
      "EMFILE",
      "ENETDOWN",
      "ENETUNREACH",
      "ENFILE",
      "ENOBUFS",
      "ENODATA",
      "ENOMEM",
      "ENONAME",
      "ENONET",
      "ENOTCONN",
      "ENOTFOUND",
      "EOF",
      "EPIPE",
      "EREFUSED",
      "ESERVFAIL",
      "ESHUTDOWN",
      "ETIMEDOUT",
      "ETIMEOUT",
    ]);
  });
});

describe("a file that does not exist", () => {
  it("may pass if it is the socket of a server, and no other", () => {
    expect(passes("ENOENT", { syscall: "connect" })).toBe(true);
    expect(passes("ENOENT", { syscall: "open" })).toBe(false);
  });
});

describe("what is no error of the network", () => {
  it("does not pass by itself", () => {
    for (const error of [new Error("m"), "ECONNRESET", undefined, { code: "ECONNRESET" }]) {
      expect(isPassingNetworkError(error)).toBe(false);
    }
  });
});
