import { ServiceError } from "../errors.ts";
import { systemClock } from "../process/clock.ts";
import { cleanSqlError } from "./errors.ts";
import { compareMigrations, migrate, migrationTimeoutMs } from "./migrations.ts";
import { openPool, type PoolOptions, type Sql } from "./pool.ts";
import { isRoleUnready } from "./roles.ts";

export interface DatabaseOptions extends PoolOptions {
  /** Folder of its migrations, with a trailing slash. */
  folder: URL;
  /** Whether to apply migrations or to wait until another process has. With `rolePassword` it waits: roles may not apply. */
  migrations: "apply" | "check";
}

/** Maximum wait of a starting process for the database, in ms. */
const startMaxMs = 30_000;

/** Opens a pool and brings the schema up to date, or waits until it is. Waits for Postgres if necessary. */
export async function openDatabase(options: DatabaseOptions): Promise<Sql> {
  const isApplying = options.migrations === "apply" && !options.rolePassword;
  // The answer to a migration may take longer than answers to the service's statements.
  const own = isApplying ? { databasePoolSize: 1, statementTimeoutMs: migrationTimeoutMs } : {};
  const sql = openPool({ ...options, ...own });
  try {
    await prepareOnceThere(sql, options, isApplying);
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
  if (!isApplying) return sql;
  await sql.end({ timeout: 1 });
  return openPool(options);
}

/** Applies or checks the migrations; retries while Postgres is unavailable. */
async function prepareOnceThere(sql: Sql, options: DatabaseOptions, isApplying: boolean): Promise<void> {
  const { schema, folder, log } = options;
  const end = systemClock.monotonic() + startMaxMs;
  for (;;) {
    try {
      if (isApplying) return await sql.begin((tx) => migrate(tx, schema, folder, log));
      const { missing } = await compareMigrations(sql, schema, folder);
      if (missing.length === 0) return;
      throw new ServiceError("UNAVAILABLE", undefined, {
        cause: new Error(`not applied to schema ${schema}: ${missing.join(", ")}. Run node cli/migrate.ts`),
        retryAfterS: 1,
      });
    } catch (error) {
      const cleaned = cleanSqlError(error);
      // The process that applies the migrations makes the role as well.
      const isUnready = Boolean(options.rolePassword) && isRoleUnready(error);
      const away = isUnready || (cleaned instanceof ServiceError && cleaned.reason === "UNAVAILABLE");
      if (!away || systemClock.monotonic() > end) throw isUnready ? explainRole(error, schema) : error;
      log.info({ error }, "waiting for the database");
      await systemClock.sleep(500);
    }
  }
}

/** Says what lets the role of a schema in. */
function explainRole(error: unknown, schema: string): Error {
  const message = error instanceof Error ? error.message : String(error);
  const setting = `${schema.toUpperCase()}_DATABASE_PASSWORD`;
  const advice = `Run npm run migrate with this ${setting}, or unset it to sign in as the user of DATABASE_URL`;
  return new Error(`the role of ${schema} cannot be used (${message}). ${advice}`, { cause: error });
}
