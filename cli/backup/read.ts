import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { writeCopy } from "../../platform/postgres/copy.ts";
import type { Sql, Tx } from "../../platform/postgres/pool.ts";
import { UserError } from "../errors.ts";
import { schemas } from "../migrate.ts";
import {
  checkPattern,
  checkTable,
  copyPattern,
  endOfRows,
  format,
  headPattern,
  lastLine,
  migrationPattern,
  prepareTransaction,
} from "./format.ts";
import { EndOfStream, LineReader } from "./lines.ts";
import type { Watch } from "./watch.ts";

/** Header of a backup. */
export interface BackupHead {
  version: string;
  takenAt: string;
  /** Migrations that were applied, by schema. */
  migrations: Map<string, string[]>;
}

export interface ReadOptions {
  /** Creates the backup's tables, empty, with its migrations. */
  prepare(head: BackupHead, tx: Tx): Promise<void>;
  /** Runs after all rows are stored and checked. */
  finish(tx: Tx): Promise<void>;
}

/**
 * Reads a backup into the tables that `prepare` creates, and checks the row count and the checksum of each table.
 * Uses one transaction.
 */
export async function readBackup(sql: Sql, from: Readable, watch: Watch, options: ReadOptions): Promise<BackupHead> {
  const gunzip = createGunzip({ chunkSize: 256 << 10 });
  const lines = new LineReader(gunzip as AsyncIterable<Buffer>);
  // An error of either stream appears when reading.
  pipeline(from, gunzip).catch(() => {});
  try {
    return await sql.begin(async (tx) => {
      watch.follow(await prepareTransaction(tx));
      const { head, first } = await readHead(lines);
      watch.begin("the tables");
      await options.prepare(head, tx);
      // Migrations have their own timeout.
      await prepareTransaction(tx);
      await readTables(tx, lines, first, watch);
      watch.begin("the migrations since");
      await options.finish(tx);
      return head;
    });
  } catch (error) {
    throw explain(error);
  } finally {
    gunzip.destroy();
    from.destroy();
  }
}

/** Reads the header and the first statement. */
async function readHead(lines: LineReader): Promise<{ head: BackupHead; first: string }> {
  const [, itsFormat, version = "", takenAt = ""] = headPattern.exec(await lines.readLine()) ?? [];
  if (!itsFormat) throw new UserError("The file is not a backup of QRForge.");
  if (Number(itsFormat) !== format) {
    throw new UserError(
      `The backup has format ${itsFormat} and this version reads format ${format}: restore it with version ${version}, which wrote it.`,
    );
  }
  const migrations = new Map<string, string[]>(schemas.map((schema) => [schema, []]));
  for (;;) {
    const line = await lines.readLine();
    const [, schema = "", name = ""] = migrationPattern.exec(line) ?? [];
    if (!name) return { head: { version, takenAt, migrations }, first: line };
    migrations.get(schema)?.push(name);
  }
}

async function readTables(tx: Tx, lines: LineReader, first: string, watch: Watch): Promise<void> {
  /** Columns of each table that was read but not yet checked. */
  const unchecked = new Map<string, string>();
  for (let line = first; line !== lastLine; line = await lines.readLine()) {
    const [, table = "", columns = ""] = copyPattern.exec(line) ?? [];
    const [, checked = "", rows = "", checksum = ""] = checkPattern.exec(line) ?? [];
    if (table) {
      watch.begin(table);
      unchecked.set(table, columns);
      await writeCopy(tx, line, counted(lines.readUntil(endOfRows), watch));
      watch.end();
    } else if (checked) {
      watch.begin(`the check of ${checked}`);
      const list = unchecked.get(checked);
      if (list === undefined) throw damaged(`it checks ${checked} and does not hold it`);
      const found = await checkTable(tx, checked, list);
      if (found.rows !== rows) throw differs(checked, `${found.rows} rows and had ${rows}`);
      if (found.checksum !== checksum) throw differs(checked, "other values than it had");
      unchecked.delete(checked);
      watch.end(Number(rows));
    } else {
      await tx.unsafe(line);
    }
  }
  if (unchecked.size > 0) throw damaged(`it has no check of ${[...unchecked.keys()].join(", ")}`);
}

async function* counted(chunks: AsyncIterable<Buffer>, watch: Watch): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    yield chunk;
    watch.moved(chunk.length);
  }
}

function damaged(why: string): UserError {
  return new UserError(`The file is damaged: ${why}. Nothing has been changed.`);
}

function differs(table: string, how: string): UserError {
  return new UserError(
    `Restored, ${table} has ${how} when it was backed up. Nothing has been changed. Try another backup, and look at the disk.`,
  );
}

/** Converts the error of a broken file to a UserError that explains it. */
function explain(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof EndOfStream) return new UserError("The file ends too early: it is not a whole backup.");
  if (code === "Z_BUF_ERROR")
    return new UserError("The file ends too early: it is not a whole backup.", { cause: error });
  if (code?.startsWith("Z_")) {
    return new UserError(`The file is damaged or is no backup: ${message}. Nothing has been changed.`, {
      cause: error,
    });
  }
  return error;
}
