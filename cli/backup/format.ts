/**
 * A backup: all rows of all schemas at one moment, as SQL that psql reads as well, compressed.
 *
 *     -- QRForge backup 2, version 0.1.0, 2026-11-25T10:00:00.000Z
 *     -- migration auth 0001_accounts_and_keys.sql
 *     create table if not exists qr.scans_2026_11 partition of qr.scans for values from (…) to (…);
 *     copy auth.accounts ("account_id", …) from stdin;
 *     …
 *     \.
 *     -- check auth.accounts: 1 rows, checksum 5832392407078270699
 *     update auth.lease_head set log_id = gen_random_uuid();
 *     -- end
 *
 * The checks come after the last table. docs/adr/0020-backups.md says what a checksum is and why.
 */
import type { Tx } from "../../platform/postgres/pool.ts";

/** Counts the changes of the format. A backup of another is refused. */
export const format = 2;
export const headPattern = /^-- QRForge backup (\d+), version (\S+), (\S+)$/;
export const migrationPattern = /^-- migration (\w+) (\S+)$/;
export const copyPattern = /^copy (\S+) \((.*)\) from stdin;$/;
export const checkPattern = /^-- check (\S+): (\d+) rows, checksum (-?\d+)$/;
export const endOfRows = "\\.";
export const lastLine = "-- end";

/** What a table held: as text, since a sum of 64-bit integers is larger than any number of JavaScript. */
export interface Check {
  rows: string;
  checksum: string;
}

/**
 * Counts a table's rows and sums the first 64 bits of the SHA-256 of each, so that the order of rows does not matter.
 * `columns` is the list between the parentheses of the table's `copy`.
 */
export async function checkTable(tx: Tx, table: string, columns: string): Promise<Check> {
  const [check] = await tx.unsafe<[Check]>(`
    select count(*)::text as rows,
      coalesce(sum(('x' || encode(substr(sha256(convert_to(row(${columns})::text, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint),
        0)::text as checksum
    from ${table}`);
  return check;
}

/**
 * Prepares a transaction for a run of any length, and makes values have the same text in every session. Returns the id of
 * the server's process.
 */
export async function prepareTransaction(tx: Tx): Promise<number> {
  const settings = {
    statement_timeout: "0",
    idle_in_transaction_session_timeout: "0",
    DateStyle: "ISO, YMD",
    IntervalStyle: "postgres",
    TimeZone: "UTC",
    bytea_output: "hex",
    extra_float_digits: "1",
  };
  for (const [name, value] of Object.entries(settings)) await tx`select set_config(${name}, ${value}, true)`;
  const [{ pid }] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`;
  return pid;
}
