import { migrationsOf, type schemas } from "../../cli/migrate.ts";
import { migrate } from "../../platform/postgres/migrations.ts";
import { openPool, type Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { createDatabase, openTestPool } from "./filled.ts";

type Schema = (typeof schemas)[number];

const log = createLogger({ service: "test", level: "fatal" });

/** A database with the tables of some services, which no process uses. */
export interface OwnDatabase {
  sql: Sql;
  /** Deletes it. */
  drop(): Promise<void>;
}

/** Creates a database on the server of `databaseUrl` and applies the migrations of these services to it. */
export async function createOwnDatabase(
  databaseUrl: string,
  of: readonly Schema[],
  { poolSize = 4 } = {},
): Promise<OwnDatabase> {
  const server = openTestPool(databaseUrl);
  const own = await createDatabase(server, databaseUrl);
  const options = { databasePassword: "", statementTimeoutMs: 10_000, schema: "test", log };
  const sql = openPool({ ...options, databaseUrl: own, databasePoolSize: poolSize });
  for (const schema of of) await sql.begin((tx) => migrate(tx, schema, migrationsOf(schema), log));
  return {
    sql,
    async drop() {
      await sql.end({ timeout: 2 });
      await server`drop database ${server(new URL(own).pathname.slice(1))} with (force)`;
      await server.end({ timeout: 2 });
    },
  };
}
