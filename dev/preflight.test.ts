import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { databaseFault, hostsOf, natsFault, serverFault, tryDatabase, tryNats } from "./preflight.ts";

const url = "postgres://ann:s3cret@db.example:6543/codes";
const fault = (code: string, message = "") => databaseFault(Object.assign(new Error(message), { code }), url);

describe("the hosts of a URL", () => {
  it.each([
    ["postgres://ann:s3cret@db.example/codes", "db.example:5432"],
    ["postgres://ann:s3cret@one:1,two/codes?x=y", "one:1, two:5432"],
    ["postgres://[::1]:1/codes", "[::1]:1"],
    ["postgres://[::1]/codes", "[::1]:5432"],
    ["postgres:///codes", ":5432"],
  ])("%s", (text, hosts) => {
    expect(hostsOf(text, 5432)).toBe(hosts);
  });
});

describe("what is wrong with a database", () => {
  it.each([
    ["ENOTFOUND", "", /no address is known for db\.example:6543/],
    ["ECONNREFUSED", "", /nothing listens at db\.example:6543/],
    ["CONNECT_TIMEOUT", "", /db\.example:6543 gave no answer within 5 s.*firewall/],
    ["28P01", "", /refuses the user or the password/],
    ["3D000", "", /has no database codes\. Create it/],
    ["28000", 'no pg_hba.conf entry for host "::1", user "ann", no encryption', /sslmode=require/],
    ["28000", "no pg_hba.conf entry", /pg_hba\.conf/],
    ["ECONNRESET", "socket disconnected before secure TLS connection was established", /speaks no TLS/],
    ["SELF_SIGNED_CERT_IN_CHAIN", "", /NODE_EXTRA_CA_CERTS/],
    ["XX000", "something else", /db\.example:6543: something else \(XX000\)/],
  ])("%s %s", (code, message, said) => {
    expect(fault(code, message)).toMatch(said);
    expect(fault(code, message)).not.toContain("s3cret");
  });

  it("is its version, that it is a standby, or that the user may make nothing", () => {
    const fine = { version: 18, isStandby: false, mayCreate: true };
    expect(serverFault(fine, "db:1")).toBeUndefined();
    expect(serverFault({ ...fine, version: 15 }, "db:1")).toMatch(/is Postgres 15; Postgres 16 or newer/);
    expect(serverFault({ ...fine, isStandby: true }, "db:1")).toMatch(/target_session_attrs/);
    expect(serverFault({ ...fine, mayCreate: false }, "db:1")).toMatch(/grant create/);
  });
});

describe("what is wrong with NATS", () => {
  it.each([
    ["AUTHORIZATION_VIOLATION", /refuses the user or the password/],
    ["SERVER_OPT_NA", /speaks no TLS/],
    ["TIMEOUT", /gave no answer/],
  ])("%s", (code, said) => {
    expect(natsFault(Object.assign(new Error("x"), { code }), "nats://ann:s3cret@bus:1")).toMatch(said);
  });
});

describe("a try", () => {
  it("ends in a sentence where nothing listens, or what listens is something else", { timeout: 20_000 }, async () => {
    await expect(tryDatabase("postgres://ann:s3cret@127.0.0.1:1/codes", "")).rejects.toThrow(
      /nothing listens at 127\.0\.0\.1:1/,
    );
    await expect(tryNats("nats://127.0.0.1:1", "", () => {})).rejects.toThrow(/nothing listens at 127\.0\.0\.1:1/);
    // The driver waits without end for the rest of such an answer.
    const other = createServer((socket) =>
      socket.on("error", () => {}).once("data", () => socket.end("HTTP/1.1 400 Bad\r\n\r\n")),
    );
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    try {
      await expect(tryDatabase(`postgres://ann:s3cret@127.0.0.1:${port}/codes`, "")).rejects.toThrow(
        /Postgres cannot be used/,
      );
    } finally {
      other.close();
    }
  });
});
