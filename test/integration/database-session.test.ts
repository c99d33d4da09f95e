import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, describe, expect, inject, it } from "vitest";
import { openPool, type Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";

const { databaseUrl } = inject("cluster");
const log = createLogger({ service: "test", level: "silent" });
const options = { databasePassword: "", databasePoolSize: 4, statementTimeoutMs: 1_234, schema: "session_test", log };
const opened: Sql[] = [];
const open = (url: string) => {
  const sql = openPool({ ...options, databaseUrl: url });
  opened.push(sql);
  return sql;
};
afterAll(() => Promise.all(opened.map((sql) => sql.end({ timeout: 1 }))));

describe("the settings of a session", () => {
  it("are in force in the first statement of each connection, and in transactions", async () => {
    const sql = open(databaseUrl);
    const read = (on: Pick<Sql, "unsafe">) =>
      on.unsafe(`select pg_backend_pid() as pid, current_setting('statement_timeout') as statement,
        current_setting('idle_in_transaction_session_timeout') as idle, pg_sleep(0.05)`);
    const rows = await Promise.all([...Array.from({ length: 3 }, () => read(sql)), sql.begin((tx) => read(tx))]);
    expect(new Set(rows.map(([row]) => row?.pid)).size).toBe(4);
    for (const [row] of rows) expect([row?.statement, row?.idle]).toEqual(["1234ms", "2s"]);
    await expect(sql`select pg_sleep(3)`).rejects.toMatchObject({ code: "57014" });
  });

  it("are no startup parameters, which poolers refuse", async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.on("error", () => {})));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const sql = open(`postgres://user:password@127.0.0.1:${(server.address() as AddressInfo).port}/database`);
    const failed = sql`select 1`.then(
      () => "answered",
      () => "failed",
    );
    const [socket] = (await once(server, "connection")) as [Socket];
    const [startup] = (await once(socket, "data")) as [Buffer];
    const parameters = startup
      .subarray(8)
      .toString()
      .split("\0")
      .filter((_, index) => index % 2 === 0);
    expect(parameters.filter(Boolean).toSorted()).toEqual(["application_name", "client_encoding", "database", "user"]);
    server.close();
    for (const one of sockets) one.destroy();
    expect(await failed).toBe("failed");
  });
});
