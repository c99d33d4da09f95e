import { once } from "node:events";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { readCopy } from "../../platform/postgres/copy.ts";
import { appliedMigrations } from "../../platform/postgres/migrations.ts";
import type { Sql, Tx } from "../../platform/postgres/pool.ts";
import { version } from "../../platform/process/build-info.ts";
import { schemas } from "../migrate.ts";
import { checkTable, endOfRows, format, lastLine, prepareTransaction } from "./format.ts";
import type { Watch } from "./watch.ts";

/**
 * Tables that a backup omits, since their rows must not be restored: lease holders, sessions, links that
 * open an account, mails, the days for which a head of the audit trail is signed, and the salts of visitor hashes.
 */
export const skippedTables: ReadonlySet<string> = new Set([
  "auth.lease_holders",
  "qr.lease_holders",
  "auth.sessions",
  "auth.sign_in_links",
  "auth.invitations",
  "auth.audit_heads",
  "auth.mails",
  "auth.mail_links",
  "qr.visitor_salts",
  "auth.page_token_secrets",
  "qr.page_token_secrets",
  "qr.scan_visitors",
]);
/**
 * Gives a restored log a new id, since it may lack the end of the original: edges that read that must start anew. Without the
 * start of a server it is treated as after a failover, so that a change waits for edges that the database does not know.
 */
const afterwards = ["auth", "qr"].map(
  (schema) => `update ${schema}.lease_head set log_id = gen_random_uuid(), server_started_at = null;`,
);
/** Compression level. Level 6, gzip's default, takes 50 % longer and makes the file 3 % smaller. */
const compression = { level: 3, chunkSize: 256 << 10, highWaterMark: 1 << 20 };

interface Table {
  name: string;
  columns: string[];
}

/** Writes a backup of one snapshot; later changes to the database are not in it. */
export async function writeBackup(sql: Sql, to: Writable, watch: Watch): Promise<void> {
  const gzip = createGzip(compression);
  // An error of the file is thrown below, even if the transaction fails first because of it.
  const written = pipeline(gzip, to);
  written.catch(() => {});
  const line = (text: string) => write(gzip, `${text}\n`);
  const read = sql.begin("isolation level repeatable read read only", async (tx) => {
    watch.follow(await prepareTransaction(tx));
    await line(`-- QRForge backup ${format}, version ${version}, ${new Date().toISOString()}`);
    for (const schema of schemas) {
      for (const name of await appliedMigrations(tx, schema)) await line(`-- migration ${schema} ${name}`);
    }
    for (const statement of await listPartitions(tx)) await line(statement);
    const checks: string[] = [];
    for (const { name, columns } of await listTables(tx)) {
      if (skippedTables.has(name)) continue;
      watch.begin(name);
      const list = columns.map((column) => `"${column}"`).join(", ");
      await line(`copy ${name} (${list}) from stdin;`);
      for await (const rows of readCopy(tx, `copy (select ${list} from ${name}) to stdout`)) {
        watch.moved(rows.length);
        await write(gzip, rows);
      }
      await line(endOfRows);
      const { rows, checksum } = await checkTable(tx, name, list);
      checks.push(`-- check ${name}: ${rows} rows, checksum ${checksum}`);
      watch.end(Number(rows));
    }
    for (const text of [...checks, ...afterwards, lastLine]) await line(text);
  });
  try {
    await Promise.race([read, written]);
    await read;
    watch.begin("the end of the file");
    gzip.end();
    await written;
  } catch (error) {
    gzip.destroy(error as Error);
    throw await written.then(
      () => error,
      (first) => first,
    );
  }
}

/** Writes to a stream, and waits while it is full; fails if it breaks. */
async function write(stream: Writable, data: string | Buffer): Promise<void> {
  if (stream.destroyed) throw stream.errored ?? new Error("the stream is closed");
  if (!stream.write(data)) await once(stream, "drain");
}

/** Returns all tables with their own rows, each after those that it refers to. */
async function listTables(tx: Tx): Promise<Table[]> {
  const tables = await tx<(Table & { needs: string[] })[]>`
    select n.nspname || '.' || c.relname as name,
      array(select a.attname::text from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns,
      array(select needed.relnamespace::regnamespace || '.' || needed.relname
        from pg_constraint r join pg_class needed on needed.oid = r.confrelid
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

async function listPartitions(tx: Tx): Promise<string[]> {
  const rows = await tx<{ statement: string }[]>`
    select format('create table if not exists %I.%I partition of %I.%I %s;', n.nspname, c.relname,
      parent.relnamespace::regnamespace, parent.relname, pg_get_expr(c.relpartbound, c.oid)) as statement
    from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_class parent on parent.oid = i.inhparent
    where n.nspname = any(${[...schemas]}) and c.relispartition and c.relkind = 'r'
      and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
    order by 1`;
  return rows.map(({ statement }) => statement);
}
