import { readdir, readFile } from "node:fs/promises";
import postgres from "postgres";
import { ServiceError } from "../errors.ts";
import { systemClock } from "../process/clock.ts";
import type { Logger } from "../telemetry/log.ts";

/** A pool of connections. Tagged templates become parameters, never text. int8 columns are read as numbers. */
export type Sql = postgres.Sql<{ int8: number }>;

/** A transaction on one of its connections. */
export type Tx = postgres.TransactionSql<{ int8: number }>;

export interface DatabaseOptions {
  databaseUrl: string;
  /** Used where the URL holds none. */
  databasePassword: string;
  databasePoolSize: number;
  statementTimeoutMs: number;
  /** The schema that is this process's own. */
  schema: string;
  /** The folder of its migrations, with a slash at the end. */
  folder: URL;
  /** Whether they are applied here, or waited for. */
  migrations: "apply" | "check";
  log: Logger;
}

/** How long a transaction may wait for its own process, in ms. */
const idleInTransactionMs = 2_000;
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

/** Opens a pool, which connects when it is first used. */
export function openPool(options: Omit<DatabaseOptions, "folder" | "migrations">): Sql {
  // Without its patch, the loss of a connection can end the process.
  if (!("isPatched" in postgres)) {
    throw new Error(
      "The Postgres driver lacks patches/postgres@*.patch: run npm install, or node scripts/patch-packages.mjs",
    );
  }
  const { schema, log } = options;
  return postgres(options.databaseUrl, {
    ...(!hasPassword(options.databaseUrl) && { password: options.databasePassword }),
    max: options.databasePoolSize,
    connect_timeout: 5,
    // Seconds until the next try to connect: quick, since a database that comes back is waited for.
    backoff: (tries) => Math.min(0.05 * 2 ** tries, 1),
    idle_timeout: 300,
    max_lifetime: 3_600,
    connection: {
      application_name: `qrforge-${schema}`,
      statement_timeout: options.statementTimeoutMs,
      // A process that hangs or is cut off inside a transaction holds locks that others wait for: the server ends it.
      idle_in_transaction_session_timeout: idleInTransactionMs,
      tcp_keepalives_idle: 2,
      tcp_keepalives_interval: 1,
      tcp_keepalives_count: 3,
    },
    onnotice: (notice) => log.debug({ notice: notice.message }, "postgres notice"),
    // Counts stay below 2^53, so a number holds each exactly.
    types: { int8: { to: 20, from: [20], serialize: String, parse: Number } },
  });
}

/** Whether a URL, of one host or several, holds a password. */
function hasPassword(url: string): boolean {
  return /^[^/]*\/\/[^/@]*:[^/@]*@/.test(url);
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

/** SQLSTATE classes that mean the server is away, starting, stopping or full, or that others were in the way: try again. */
const unavailableStates = /^(08|57P|53|40001|40P01|25006)/;

/** Turns a driver's error into what callers understand; anything unforeseen stays as it is and counts as a bug. */
export function cleanSqlError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ServiceError) return error;
  const code = String((error as { code?: unknown }).code ?? "");
  if (code === "57014") return new ServiceError("DEADLINE_EXCEEDED", undefined, { cause: error });
  if (unavailableStates.test(code) || code.startsWith("CONNECT") || /^E[A-Z]+$/.test(code)) {
    return new ServiceError("UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 });
  }
  // What Postgres says in detail quotes whole rows, and logs are no place for them.
  delete (error as { detail?: unknown }).detail;
  delete (error as { where?: unknown }).where;
  return error;
}

/** The same store with every driver error cleaned on its way out. */
export function cleanStore<T extends Record<string, (...args: never[]) => Promise<unknown>>>(store: T): T {
  const wrap =
    (method: (...args: never[]) => Promise<unknown>) =>
    async (...args: never[]) => {
      try {
        return await method(...args);
      } catch (error) {
        throw cleanSqlError(error);
      }
    };
  return Object.fromEntries(Object.entries(store).map(([name, method]) => [name, wrap(method)])) as T;
}

/** Whether an error is the violation of this unique constraint. */
export function violates(error: unknown, constraint: string): boolean {
  const { code, constraint_name } = error as { code?: string; constraint_name?: string };
  return code === "23505" && constraint_name === constraint;
}

/** How long one statement of a migration may run, in ms. */
const migrationTimeoutMs = 600_000;

/**
 * Brings a schema up to date with the numbered files of a folder (`0001_name.sql`, …), or those wanted of them, forward
 * only. Any number of processes may do this at once: one works, under an advisory lock, and the rest wait.
 */
export async function migrate(
  tx: Tx,
  schema: string,
  folder: URL,
  log: Logger,
  isWanted = (_name: string) => true,
): Promise<void> {
  // A migration, and waiting for another process to make it, may take longer than any statement of the service.
  await tx`select set_config('statement_timeout', ${String(migrationTimeoutMs)}, true)`;
  await tx`select pg_advisory_xact_lock(hashtext(${`migrate ${schema}`}))`;
  await tx`create schema if not exists ${tx(schema)}`;
  await tx`create table if not exists ${tx(schema)}.schema_migrations (
    name text primary key,
    applied_at timestamptz not null default now()
  )`;
  const applied = new Set(await appliedMigrations(tx, schema));
  for (const name of (await migrationsIn(folder)).filter(isWanted)) {
    if (applied.has(name)) continue;
    await tx.unsafe(await readFile(new URL(name, folder), "utf8"));
    await tx`insert into ${tx(schema)}.schema_migrations (name) values (${name})`;
    log.info({ schema, migration: name }, "migrated");
  }
}

async function migrationsIn(folder: URL): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
}

/** The migrations that a database has. */
export async function appliedMigrations(sql: Sql | Tx, schema: string): Promise<string[]> {
  const table = `${schema}.schema_migrations`;
  const [{ there }] = await sql<[{ there: boolean }]>`select to_regclass(${table}) is not null as there`;
  const rows = there ? await sql<{ name: string }[]>`select name from ${sql(table)} order by name` : [];
  return rows.map(({ name }) => name);
}

/** The migrations of a folder that a database lacks, and those that it has and the folder has not: a newer version's. */
export async function compareMigrations(
  sql: Sql,
  schema: string,
  folder: URL,
): Promise<{ missing: string[]; unknown: string[] }> {
  const applied = new Set(await appliedMigrations(sql, schema));
  const known = new Set(await migrationsIn(folder));
  return { missing: [...known.difference(applied)], unknown: [...applied.difference(known)] };
}

/** Whether a server answers queries at this moment. */
export async function answersQueries(databaseUrl: string): Promise<boolean> {
  return inspectServer({ databaseUrl, databasePassword: "", timeoutMs: 2_000 }).then(
    () => true,
    () => false,
  );
}

/** What a server says of itself and of the database of its URL. */
export interface ServerFacts {
  /** The major version. */
  version: number;
  /** Whether it is a standby, which takes no changes. */
  isStandby: boolean;
  /** Whether the user may make schemas in the database. */
  mayCreate: boolean;
}

/** Connects once and asks. Rejects with the driver's error, or with one whose code is CONNECT_TIMEOUT after `timeoutMs`. */
export async function inspectServer(options: {
  databaseUrl: string;
  /** Used where the URL holds none. */
  databasePassword: string;
  timeoutMs: number;
}): Promise<ServerFacts> {
  const sql = postgres(options.databaseUrl, {
    ...(!hasPassword(options.databaseUrl) && { password: options.databasePassword }),
    max: 1,
    connect_timeout: options.timeoutMs / 1_000,
    onnotice: () => {},
  });
  // The driver's own timeout ends with the first byte that arrives: what is no Postgres would be waited for without end.
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(Object.assign(new Error(`no answer within ${options.timeoutMs} ms`), { code: "CONNECT_TIMEOUT" }));
  }, options.timeoutMs);
  try {
    const asked = sql<[ServerFacts]>`select current_setting('server_version_num')::int / 10000 as version,
      pg_is_in_recovery() as "isStandby", has_database_privilege(current_database(), 'CREATE') as "mayCreate"`;
    const [facts] = await Promise.race([asked, late]);
    return facts;
  } finally {
    clearTimeout(timer);
    await sql.end({ timeout: 0 });
  }
}
