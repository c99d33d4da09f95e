/** What the driver is put through in a thread of its own: an error that nobody catches ends the thread, as it would a process. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { openPool, type Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { type Answer, brokenScram, type FakePostgres, startFakePostgres } from "../support/fake-postgres.ts";

/** How a promise ends, for what is sent to the test: `ok`, or the error's code. */
const outcome = (promise: PromiseLike<unknown>): Promise<string> =>
  Promise.resolve(promise).then(
    () => "ok",
    (error) => String(error.code ?? error),
  );

const isRows =
  (first: Record<string, Answer>) =>
  (statement: string, connection: number): Answer =>
    (connection === 0 && first[statement]) || "rows";
/** Slightly more than a stream takes before it asks to wait. */
const copyBytes = 70_000;

const answersOf: Record<string, (statement: string, connection: number) => Answer> = {
  closeInTransaction: isRows({ "select 1": "close" }),
  closeWhileWriting: isRows({ "select 1": "rows, close" }),
  reopened: isRows({ "select 1": "rows, close" }),
  manyInTransaction: isRows({ "select 1": "close" }),
  resetWhileTypesAreRead: (statement, connection) =>
    connection === 0 && statement.includes("pg_catalog.pg_type") ? "reset" : "rows",
  brokenAuthentication: () => "rows",
  endWhileClosing: isRows({ "select 1": "close" }),
  copy: isRows({ "copy t to stdout": { copyBytes } }),
  copyGivenUp: isRows({ "copy t to stdout": { copyBytes } }),
  silentStatement: isRows({ "select 1": "silence" }),
  silentTransaction: isRows({ "select 1": "silence" }),
  silentWithOthers: isRows({ "select 1": "silence" }),
  noConnectionFree: () => "rows",
  closeWhileConnecting: () => "rows",
  noHostThere: () => "rows",
};

const scenarios: Record<string, (sql: Sql, server: FakePostgres) => Promise<unknown>> = {
  async closeInTransaction(sql) {
    const transaction = await outcome(sql.begin((tx) => tx`select 1`));
    return { transaction, next: await outcome(sql`select 2`) };
  },
  async closeWhileWriting(sql) {
    // A statement in each turn of the event loop until well after the end, so that one waits when the connection closes.
    const transaction = await outcome(
      sql.begin(async (tx) => {
        await tx`select 1`;
        let rejected = 0;
        while (rejected < 10) {
          tx`select 2`.catch(() => rejected++);
          // After it has been handed to the connection, so that the next is handed over when this one has been sent.
          await new Promise(process.nextTick);
          await nextTurn();
        }
      }),
    );
    return { transaction, next: await outcome(sql`select 3`) };
  },
  async reopened(sql) {
    const waiting = Promise.withResolvers<string>();
    const late = Promise.withResolvers<string>();
    const transaction = outcome(
      sql.begin(async (tx) => {
        await tx`select 1`;
        // The only connection is this transaction's until it closes; then it is opened again for this.
        waiting.resolve(await outcome(sql`select 2`));
        late.resolve(await outcome(tx`select 3`));
      }),
    );
    return { transaction: await transaction, waiting: await waiting.promise, late: await late.promise };
  },
  async manyInTransaction(sql) {
    const statements: Promise<string>[] = [];
    const transaction = sql.begin(async (tx) => {
      statements.push(outcome(tx`select 1`));
      for (let index = 0; index < 300; index++) statements.push(outcome(tx`select 2`));
      await Promise.all(statements);
    });
    const ended = await outcome(transaction);
    return { transaction: ended, statements: [...new Set(await Promise.all(statements))] };
  },
  async resetWhileTypesAreRead(sql) {
    return { first: await outcome(sql`select 1`), next: await outcome(sql`select 2`) };
  },
  async brokenAuthentication(sql) {
    return { first: (await outcome(sql`select 1`)) !== "ok", next: await outcome(sql`select 2`) };
  },
  async endWhileClosing(sql) {
    const statement = outcome(sql`select 1`);
    await nextTurn();
    await sql.end();
    return { statement: await statement };
  },
  async copy(sql) {
    let bytes = 0;
    const transaction = sql.begin(async (tx) => {
      const rows = await tx.unsafe("copy t to stdout").readable();
      // All has arrived before any of it is read.
      while (rows.readableLength < copyBytes) await nextTurn();
      for await (const chunk of rows) bytes += chunk.length;
      await tx`select 1`;
    });
    return { transaction: await outcome(transaction), bytes };
  },
  async copyGivenUp(sql) {
    const transaction = sql.begin(async (tx) => {
      for await (const _ of await tx.unsafe("copy t to stdout").readable()) break;
      await tx`select 1`;
    });
    return { transaction: await outcome(transaction) };
  },
  async silentStatement(sql, server) {
    await sql`select 2`;
    const statements = [outcome(sql`select 1`), outcome(sql`select 2`)];
    return {
      statements: await Promise.all(statements),
      next: await outcome(sql`select 3`),
      closed: [...server.closed],
    };
  },
  async silentTransaction(sql) {
    const transaction = await outcome(
      sql.begin(async (tx) => {
        await tx`select 1`;
      }),
    );
    return { transaction, next: await outcome(sql`select 2`) };
  },
  async silentWithOthers(sql, server) {
    // The first two are open, and one of them idle, when the other falls silent.
    await Promise.all([sql`select 2`, sql`select 2`]);
    await nextTurn();
    const silent = await outcome(sql`select 1`);
    const next = await outcome(sql`select 3`);
    return { silent, next, closed: [...server.closed].sort() };
  },
  async noConnectionFree(sql) {
    const done = Promise.withResolvers<void>();
    const transaction = outcome(sql.begin(() => done.promise));
    const waiting = await outcome(sql`select 2`);
    done.resolve();
    return { transaction: await transaction, waiting, next: await outcome(sql`select 3`) };
  },
  async closeWhileConnecting(sql) {
    return { statement: await outcome(sql`select 1`) };
  },
  async noHostThere(sql) {
    return { statement: await outcome(sql`select 1`) };
  },
};

const connectTimeouts: Record<string, number> = { closeWhileConnecting: 500, noHostThere: 500 };
/** Tried on a pool of two connections. */
const pairs = new Set(["silentWithOthers"]);

const name = workerData as string;
const server = await startFakePostgres(answersOf[name] as never, (connection) =>
  name === "closeWhileConnecting"
    ? "close"
    : name === "brokenAuthentication" && connection === 0
      ? brokenScram
      : undefined,
);
const sql = openPool({
  // Nobody listens on these ports.
  databaseUrl: name === "noHostThere" ? "postgres://u:p@127.0.0.1:1,127.0.0.1:2/d" : server.url,
  databasePassword: "",
  databasePoolSize: pairs.has(name) ? 2 : 1,
  databaseConnectTimeoutMs: connectTimeouts[name] ?? 5_000,
  statementTimeoutMs: 500,
  schema: "driver",
  log: createLogger({ service: "driver", level: "silent" }),
});
const result = await scenarios[name]?.(sql, server);
parentPort?.postMessage({ result, statements: server.statements });
await sql.end({ timeout: 0 });
await server.close();
