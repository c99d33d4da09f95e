import { ServiceError } from "../errors.ts";
import { systemClock } from "../process/clock.ts";
import { cleanSqlError } from "./errors.ts";
import { compareMigrations, migrate } from "./migrations.ts";
import { openPool, type PoolOptions, type Sql } from "./pool.ts";

export interface DatabaseOptions extends PoolOptions {
  /** The folder of its migrations, with a slash at the end. */
  folder: URL;
  /** Whether they are applied here, or waited for. */
  migrations: "apply" | "check";
}

/** How long a starting process waits for a database that is not there yet, in ms. */
const startMaxMs = 30_000;

/** Connects to Postgres, waiting for it if need be, and for the process's schema to be up to date. */
export async function openDatabase(options: DatabaseOptions): Promise<Sql> {
  const sql = openPool(options);
  try {
    await prepareOnceThere(sql, options);
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
  return sql;
}

async function prepareOnceThere(sql: Sql, options: DatabaseOptions): Promise<void> {
  const { schema, folder, log } = options;
  const end = systemClock.monotonic() + startMaxMs;
  for (;;) {
    try {
      if (options.migrations === "apply") return await sql.begin((tx) => migrate(tx, schema, folder, log));
      const { missing } = await compareMigrations(sql, schema, folder);
      if (missing.length === 0) return;
      throw new ServiceError("UNAVAILABLE", undefined, {
        cause: new Error(`not applied to schema ${schema}: ${missing.join(", ")}. Run node cli/migrate.ts`),
        retryAfterS: 1,
      });
    } catch (error) {
      const cleaned = cleanSqlError(error);
      const away = cleaned instanceof ServiceError && cleaned.reason === "UNAVAILABLE";
      if (!away || systemClock.monotonic() > end) throw error;
      log.info({ error }, "waiting for the database");
      await systemClock.sleep(500);
    }
  }
}
