import { createReadStream, existsSync } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import path from "node:path";
import { appliedMigrations, migrate } from "../platform/postgres/migrations.ts";
import type { Tx } from "../platform/postgres/pool.ts";
import { loadConfig } from "../platform/process/config.ts";
import { createLogger, type Logger } from "../platform/telemetry/log.ts";
import { type DatabaseRun, withDatabase } from "./backup/database.ts";
import { type BackupHead, readBackup } from "./backup/read.ts";
import { defineTool } from "./command.ts";
import { UserError } from "./errors.ts";
import { migrationsOf, schemas } from "./migrate.ts";
import { runTool } from "./run-tool.ts";
import { operatorSettings, root } from "./settings.ts";

export const restoreTool = defineTool({
  call: "npm run -s restore",
  summary: "Brings back what npm run -s backup wrote, all or nothing.",
  details: "It writes into DATABASE_URL, or into the data that npm start keeps here. Every service must be stopped.",
  arguments: {
    file: { type: "text", value: "FILE", meaning: "the backup", required: true },
  },
  options: {
    replace: {
      type: "flag",
      meaning: "drops what is there first; without it, the database must hold nothing of QRForge",
    },
  },
  run: ({ file, replace }) => restoreFile(file, replace),
});

/** A database to restore into, and what to do when that is done. */
interface Target {
  databaseUrl: string;
  close(): Promise<void>;
}

async function openTarget(config: { databaseUrl: string; dataDir: string; toolsDir: string }): Promise<Target> {
  if (config.databaseUrl) return { databaseUrl: config.databaseUrl, close: async () => {} };
  // The image has no Postgres of its own, and so not the code that starts one.
  if (!existsSync(new URL("../dev", import.meta.url))) {
    throw new UserError("DATABASE_URL is not set: set it to the database to restore into.");
  }
  const { startCluster } = await import("../dev/cluster.ts");
  const cluster = await startCluster({
    dataDir: path.resolve(root, config.dataDir),
    toolsDir: path.resolve(root, config.toolsDir),
    port: 0,
    replicas: { auth: 0, quota: 0, qr: 0, edge: 0 },
    databaseUrl: "",
    natsUrl: "none",
    restart: false,
    report: (text) => process.stderr.write(`${text}\n`),
  });
  return { databaseUrl: cluster.databaseUrl, close: () => cluster.stop() };
}

/** Makes the tables as they were when the backup was taken: by its migrations and no others. */
async function makeTables(tx: Tx, head: BackupHead, options: { replace: boolean; log: Logger }): Promise<void> {
  for (const [schema, names] of head.migrations) {
    const here = await appliedMigrations(tx, schema);
    if (here.length > 0 && !options.replace) {
      throw new UserError(`Schema ${schema} is there already. Restore into an empty database, or with --replace.`);
    }
    if (names.length === 0) throw new UserError(`The backup has nothing of ${schema}.`);
    if (options.replace) await tx`drop schema if exists ${tx(schema)} cascade`;
    const wanted = new Set(names);
    const folder = migrationsOf(schema);
    await migrate(tx, schema, folder, options.log, (name) => wanted.has(name));
    const made = await appliedMigrations(tx, schema);
    const unknown = names.filter((name) => !made.includes(name));
    if (unknown.length > 0) {
      throw new UserError(
        `The backup is of version ${head.version}, which has ${unknown.join(", ")}: restore it with that version.`,
      );
    }
  }
}

/** Restores a file into a database, all or nothing. Returns what the backup says of itself. */
export async function restore(file: string, replace: boolean, database: DatabaseRun): Promise<BackupHead> {
  const log = createLogger({ service: "restore", level: "error" });
  return await withDatabase("restore", database, async (sql, watch) => {
    const running = await sql<{ name: string }[]>`
      select distinct application_name as name from pg_stat_activity
      where datname = current_database() and application_name in ('qrforge-auth', 'qrforge-quota', 'qrforge-qr')`;
    if (running.length > 0) {
      throw new UserError(
        `Services are connected: ${running.map(({ name }) => name).join(", ")}. Stop all of them first.`,
      );
    }
    return await readBackup(sql, createReadStream(file, { highWaterMark: 256 << 10 }), watch, {
      async prepare(found, tx) {
        await makeTables(tx, found, { replace, log });
        const tables = await tx<{ name: string }[]>`
          select schemaname || '.' || tablename as name from pg_tables
          where schemaname = any(${[...schemas]}) and tablename <> 'schema_migrations'`;
        // Rows that migrations made are among those of the backup.
        await tx.unsafe(`truncate ${tables.map(({ name }) => name).join(", ")}`);
      },
      async finish(tx) {
        for (const schema of schemas) await migrate(tx, schema, migrationsOf(schema), log);
      },
    });
  });
}

async function restoreFile(file: string, replace: boolean): Promise<void> {
  await requireFile(file);
  const config = loadConfig(operatorSettings);
  const target = await openTarget(config);
  try {
    const { takenAt } = await restore(file, replace, { ...config, databaseUrl: target.databaseUrl });
    const place = config.databaseUrl ? "the database at DATABASE_URL" : path.resolve(root, config.dataDir);
    process.stdout.write(
      `Everything in ${place} is as it was at ${takenAt}. What was revoked, rotated or disabled later is not: docs/operations.md says what to do.\n`,
    );
  } finally {
    await target.close();
  }
}

async function requireFile(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
    if (!(await stat(file)).isDirectory()) return;
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  throw new UserError(`${file} is a folder. Name a file that npm run -s backup has written.`);
}

if (import.meta.main) runTool(restoreTool);
