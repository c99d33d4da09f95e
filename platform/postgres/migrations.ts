import { readdir, readFile } from "node:fs/promises";
import type { Logger } from "../telemetry/log.ts";
import type { Sql, Tx } from "./pool.ts";

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
