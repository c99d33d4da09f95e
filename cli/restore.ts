import { createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import path from "node:path";
import { loadConfig } from "../platform/config.ts";
import { createLogger, type Logger } from "../platform/log.ts";
import { appliedMigrations, migrate, openPool, type Tx } from "../platform/sql.ts";
import { defineTool } from "./command.ts";
import { type DumpHead, readDump } from "./dump.ts";
import { migrationsOf, schemas } from "./migrate.ts";
import { Problem } from "./problem.ts";
import { runTool } from "./run-tool.ts";
import { operatorSettings, root } from "./settings.ts";
import { startSuite } from "./suite.ts";

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
  const suite = await startSuite({
    dataDir: path.resolve(root, config.dataDir),
    toolsDir: path.resolve(root, config.toolsDir),
    port: 0,
    replicas: { auth: 0, quota: 0, qr: 0, edge: 0 },
    databaseUrl: "",
    natsUrl: "none",
    restart: false,
    tell: (text) => process.stderr.write(`${text}\n`),
  });
  return { databaseUrl: suite.databaseUrl, close: () => suite.stop() };
}

/** Makes the tables as they were when the backup was taken: by its migrations and no others. */
async function makeTables(tx: Tx, head: DumpHead, options: { replace: boolean; log: Logger }): Promise<void> {
  for (const [schema, names] of head.migrations) {
    const here = await appliedMigrations(tx, schema);
    if (here.length > 0 && !options.replace) {
      throw new Problem(`Schema ${schema} is there already. Restore into an empty database, or with --replace.`);
    }
    if (names.length === 0) throw new Problem(`The backup has nothing of ${schema}.`);
    if (options.replace) await tx`drop schema if exists ${tx(schema)} cascade`;
    const wanted = new Set(names);
    const folder = migrationsOf(schema);
    await migrate(tx, schema, folder, options.log, (name) => wanted.has(name));
    const made = await appliedMigrations(tx, schema);
    const unknown = names.filter((name) => !made.includes(name));
    if (unknown.length > 0) {
      throw new Problem(
        `The backup is of version ${head.version}, which has ${unknown.join(", ")}: restore it with that version.`,
      );
    }
  }
}

async function restore(
  databaseUrl: string,
  databasePassword: string,
  file: string,
  replace: boolean,
): Promise<DumpHead> {
  const log = createLogger({ service: "restore", level: "error" });
  const options = { databaseUrl, databasePassword, databasePoolSize: 2, statementTimeoutMs: 0, schema: "restore", log };
  const sql = openPool(options);
  try {
    const running = await sql<{ name: string }[]>`
      select distinct application_name as name from pg_stat_activity
      where datname = current_database() and application_name in ('qrforge-auth', 'qrforge-quota', 'qrforge-qr')`;
    if (running.length > 0) {
      throw new Problem(
        `Services are connected: ${running.map(({ name }) => name).join(", ")}. Stop all of them first.`,
      );
    }
    return await readDump(sql, createReadStream(file), {
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
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function restoreFile(file: string, replace: boolean): Promise<void> {
  await access(file).catch((error) => {
    throw new Problem(`${file} cannot be read: ${error.message}.`, { cause: error });
  });
  const config = loadConfig(operatorSettings);
  const target = await openTarget(config);
  try {
    const { takenAt } = await restore(target.databaseUrl, config.databasePassword, file, replace);
    process.stdout.write(
      `Everything is as it was at ${takenAt}. What was revoked, rotated or disabled later is not: docs/operations.md says what to do.\n`,
    );
  } finally {
    await target.close();
  }
}

if (import.meta.main) runTool(restoreTool);
