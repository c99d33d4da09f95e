/**
 * Defines the format of a backup: all rows of all schemas in one snapshot, as compressed SQL that psql can read.
 *
 *     -- QRForge backup 2, version 0.1.0, 2026-11-25T10:00:00.000Z
 *     -- migration auth 0001_accounts_and_keys.sql
 *     create table if not exists qr.scans_2026_11 partition of qr.scans for values from (…) to (…);
 *     copy auth.accounts ("account_id", …) from stdin;
 *     …
 *     \.
 *     -- check auth.accounts: 1 rows, checksum 5832392407078270699
 *     update auth.lease_head set log_id = gen_random_uuid(), server_started_at = null;
 *     -- end
 *
 * The checks come after the last table. docs/adr/0020-backups.md explains the checksums.
 */
import type { Tx } from "../../platform/postgres/pool.ts";

/** Version of the format. Backups of another version are rejected. */
export const format = 2;
export const headPattern = /^-- QRForge backup (\d+), version (\S+), (\S+)$/;
export const migrationPattern = /^-- migration (\w+) (\S+)$/;
export const copyPattern = /^copy (\S+) \((.*)\) from stdin;$/;
export const checkPattern = /^-- check (\S+): (\d+) rows, checksum (-?\d+)$/;
export const endOfRows = "\\.";
export const lastLine = "-- end";

/** Row count and checksum of a table: as text, since a sum of 64-bit integers exceeds JavaScript's numbers. */
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
 * Prepares a transaction for a run of any length, and fixes the text format of values. Returns the process id of
 * the database backend.
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
