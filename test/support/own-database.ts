import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { openDatabase } from "../../platform/postgres/database.ts";
import type { Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";

/** A database with the tables of one service, which no process uses. */
export interface OwnDatabase {
  sql: Sql;
  /** Deletes it. */
  drop(): Promise<void>;
}

/** Creates a database on the server of `databaseUrl` and applies the migrations of a service to it. */
export async function createOwnDatabase(
  databaseUrl: string,
  schema: "auth" | "quota" | "qr",
  { poolSize = 4 } = {},
): Promise<OwnDatabase> {
  const name = `${schema}_${randomUUID().replaceAll("-", "_")}`;
  const owner = postgres(databaseUrl, { max: 1 });
  await owner`create database ${owner(name)}`;
  const sql = await openDatabase({
    databaseUrl: Object.assign(new URL(databaseUrl), { pathname: `/${name}` }).href,
    databasePassword: "",
    databasePoolSize: poolSize,
    statementTimeoutMs: 5_000,
    schema,
    folder: new URL(`../../services/${schema}/migrations/`, import.meta.url),
    migrations: "apply",
    log: createLogger({ service: "test", level: "silent" }),
  });
  return {
    sql,
    async drop() {
      await sql.end();
      await owner`drop database ${owner(name)} with (force)`;
      await owner.end();
    },
  };
}
