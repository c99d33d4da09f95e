import { readdir, readFile } from "node:fs/promises";
import type { Logger } from "../telemetry/log.ts";
import type { Sql, Tx } from "./pool.ts";
import { grantToRole } from "./roles.ts";

/** Statement timeout in migrations, in ms. */
export const migrationTimeoutMs = 600_000;

/**
 * Applies the numbered files of a folder (`0001_name.sql`, …) that a schema lacks and `isWanted` selects, in order. Safe
 * to run in several processes at once: an advisory lock lets one work while the others wait. Ends with the grants of the
 * schema's role.
 */
export async function migrate(
  tx: Tx,
  schema: string,
  folder: URL,
  log: Logger,
  isWanted = (_name: string) => true,
): Promise<void> {
  // A migration, or waiting for another process, may take longer than statements of the service.
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
  await grantToRole(tx, schema);
}

async function migrationsIn(folder: URL): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
}

/** Returns the names of the applied migrations of a schema. */
export async function appliedMigrations(sql: Sql | Tx, schema: string): Promise<string[]> {
  const table = `${schema}.schema_migrations`;
  const [{ there }] = await sql<[{ there: boolean }]>`select to_regclass(${table}) is not null as there`;
  const rows = there ? await sql<{ name: string }[]>`select name from ${sql(table)} order by name` : [];
  return rows.map(({ name }) => name);
}

/** Returns migrations of the folder that a schema lacks, and those applied that the folder lacks (of a newer version). */
export async function compareMigrations(
  sql: Sql,
  schema: string,
  folder: URL,
): Promise<{ missing: string[]; unknown: string[] }> {
  const applied = new Set(await appliedMigrations(sql, schema));
  const known = new Set(await migrationsIn(folder));
  return { missing: [...known.difference(applied)], unknown: [...applied.difference(known)] };
}
