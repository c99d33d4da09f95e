/**
 * A backup: all rows of all schemas at one moment, as SQL that psql reads as well, compressed.
 *
 *     -- QRForge backup 1, version 0.1.0, 2026-11-25T10:00:00.000Z
 *     -- migration auth 0001_accounts_and_keys.sql
 *     create table if not exists qr.scans_2026_11 partition of qr.scans for values from (…) to (…);
 *     copy auth.accounts (account_id, …) from stdin;
 *     …
 *     \.
 *     update auth.lease_head set log_id = gen_random_uuid();
 *     -- end
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { version } from "../platform/about.ts";
import { appliedMigrations, type Sql, type Tx } from "../platform/sql.ts";
import { readCopy, writeCopy } from "../platform/sql-copy.ts";
import { schemas } from "./migrate.ts";
import { Problem } from "./problem.ts";

const head = /^-- QRForge backup 1, version (\S+), (\S+)$/;
const lastLine = "-- end";
/** What must not outlive its moment: who held a lease, who was signed in, and what visitors' hashes of a day were made with. */
const skipped = new Set([
  "auth.lease_holders",
  "qr.lease_holders",
  "auth.sessions",
  "auth.sign_in_links",
  "auth.invitations",
  "qr.visitor_salts",
  "qr.scan_visitors",
]);
/** A log that was restored is another log than the one whose end it lacks: edges that read that must begin anew. */
const afterwards = ["auth", "qr"].map((schema) => `update ${schema}.lease_head set log_id = gen_random_uuid();`);

/** Tells whoever waits of each table that is done. */
function tellProgress(table: string, bytes: number): void {
  const size = bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
  process.stderr.write(`${table}: ${size}\n`);
}

interface Table {
  name: string;
  columns: string[];
}

/** Writes a backup as of one moment; what is written meanwhile is not in it. */
export async function writeDump(sql: Sql, to: Writable): Promise<void> {
  const gzip = createGzip();
  const written = pipeline(gzip, to);
  // It is waited for at the end; a failure before that shows in what is written to it.
  written.catch(() => {});
  const line = (text: string) => write(gzip, `${text}\n`);
  const dumped = sql.begin("isolation level repeatable read read only", async (tx) => {
    await takeAnyTime(tx);
    await line(`-- QRForge backup 1, version ${version}, ${new Date().toISOString()}`);
    for (const schema of schemas) {
      for (const name of await appliedMigrations(tx, schema)) await line(`-- migration ${schema} ${name}`);
    }
    for (const statement of await partitions(tx)) await line(statement);
    for (const { name, columns } of await tablesByNeed(tx)) {
      if (skipped.has(name)) continue;
      const list = columns.map((column) => `"${column}"`).join(", ");
      await line(`copy ${name} (${list}) from stdin;`);
      let bytes = 0;
      for await (const chunk of readCopy(tx, `copy (select ${list} from ${name}) to stdout`)) {
        bytes += chunk.length;
        await write(gzip, chunk);
      }
      await line("\\.");
      tellProgress(name, bytes);
    }
    for (const statement of afterwards) await line(statement);
    await line(lastLine);
    gzip.end();
  });
  try {
    await dumped;
  } catch (error) {
    gzip.destroy(error as Error);
    await written.catch(() => {});
    throw error;
  }
  await written;
}

async function takeAnyTime(tx: Tx): Promise<void> {
  await tx`select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`;
}

/** Writes, and waits while the stream is full; fails if it breaks. */
async function write(stream: Writable, data: string | Buffer): Promise<void> {
  if (stream.destroyed) throw stream.errored ?? new Error("the stream is closed");
  if (!stream.write(data)) await once(stream, "drain");
}

/** All tables with rows of their own, each after those that it refers to. */
async function tablesByNeed(tx: Tx): Promise<Table[]> {
  const tables = await tx<(Table & { needs: string[] })[]>`
    select n.nspname || '.' || c.relname as name,
      array(select a.attname::text from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns,
      array(select r.confrelid::regclass::text from pg_constraint r
        where r.conrelid = c.oid and r.contype = 'f' and r.confrelid <> c.oid) as needs
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any(${[...schemas]}) and c.relkind in ('r', 'p') and not c.relispartition
      and c.relname <> 'schema_migrations'
    order by 1`;
  const sorted: Table[] = [];
  const waiting = new Map(tables.map((table) => [table.name, table]));
  while (waiting.size > 0) {
    const ready = [...waiting.values()].filter(({ needs }) => !needs.some((name) => waiting.has(name)));
    if (ready.length === 0) throw new Error(`these tables refer to one another: ${[...waiting.keys()].join(", ")}`);
    for (const table of ready) {
      sorted.push(table);
      waiting.delete(table.name);
    }
  }
  return sorted;
}

async function partitions(tx: Tx): Promise<string[]> {
  const rows = await tx<{ statement: string }[]>`
    select format('create table if not exists %I.%I partition of %s %s;', n.nspname, c.relname, i.inhparent::regclass,
      pg_get_expr(c.relpartbound, c.oid)) as statement
    from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any(${[...schemas]}) and c.relispartition and c.relkind = 'r'
      and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
    order by 1`;
  return rows.map(({ statement }) => statement);
}

/** What a backup says of itself before its rows. */
export interface DumpHead {
  version: string;
  takenAt: string;
  /** The migrations that its rows are shaped by, by schema. */
  migrations: Map<string, string[]>;
}

/**
 * Reads a backup into empty tables. `prepare` is called with what the backup says of itself and must see to it that the
 * tables are there as its migrations make them; `finish` when all rows are in. All of it is one transaction.
 */
export async function readDump(
  sql: Sql,
  from: Readable,
  options: { prepare(head: DumpHead, tx: Tx): Promise<void>; finish(tx: Tx): Promise<void> },
): Promise<DumpHead> {
  const gunzip = createGunzip();
  // A failure of either shows in what is read.
  pipeline(from, gunzip).catch(() => {});
  const lines = splitLines(gunzip as AsyncIterable<Buffer>);
  const next = async () => {
    const { value, done } = await lines.next().catch((error) => {
      throw new Problem(`The file is damaged or is no backup: ${error.message}.`, { cause: error });
    });
    if (done) throw new Problem("The file ends too early: it is not a whole backup.");
    return value;
  };
  return await sql.begin(async (tx) => {
    await takeAnyTime(tx);
    const [, ofVersion = "", takenAt = ""] = head.exec((await next()).toString()) ?? [];
    if (!takenAt) throw new Problem("The file is not a backup of QRForge.");
    const found: DumpHead = { version: ofVersion, takenAt, migrations: new Map(schemas.map((schema) => [schema, []])) };
    let isPrepared = false;
    for (;;) {
      const line = (await next()).toString();
      const [, schema = "", name = ""] = /^-- migration (\w+) (\S+)$/.exec(line) ?? [];
      if (name) {
        found.migrations.get(schema)?.push(name);
        continue;
      }
      if (!isPrepared) {
        await options.prepare(found, tx);
        // Migrations have a limit of their own.
        await takeAnyTime(tx);
        isPrepared = true;
      }
      if (line === lastLine) {
        await options.finish(tx);
        return found;
      }
      const [, table] = /^copy (\S+) \(.*\) from stdin;$/.exec(line) ?? [];
      if (table) tellProgress(table, await copyRows(tx, line, next));
      else await tx.unsafe(line);
    }
  });
}

async function copyRows(tx: Tx, statement: string, next: () => Promise<Buffer>): Promise<number> {
  let bytes = 0;
  async function* rows(): AsyncGenerator<Buffer> {
    for (let line = await next(); line.toString() !== "\\."; line = await next()) {
      bytes += line.length + 1;
      yield Buffer.concat([line, newline]);
    }
  }
  await writeCopy(tx, statement, rows());
  return bytes;
}

const newline = Buffer.from("\n");

/** The lines of a stream, at newlines alone: text may hold whatever else ends lines elsewhere. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      yield rest.subarray(start, end);
      start = end + 1;
    }
    rest = rest.subarray(start);
  }
  if (rest.length > 0) yield rest;
}
