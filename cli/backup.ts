import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { ConfigError, loadConfig } from "../platform/config.ts";
import { createLogger } from "../platform/log.ts";
import { openPool } from "../platform/sql.ts";
import { writeDump } from "./dump.ts";
import { Problem } from "./problem.ts";
import { readRunFile } from "./run-file.ts";
import { operatorSettings, root } from "./settings.ts";

const usage = `Usage: npm run -s backup -- FILE

Writes all that the suite knows, as of one moment, to a file: of the suite that npm start runs here, or of DATABASE_URL.
The suite goes on meanwhile. npm run -s restore -- FILE brings it back.`;

async function main(): Promise<void> {
  const [file, ...surplus] = process.argv.slice(2);
  if (!file || surplus.length > 0 || file.startsWith("-")) throw new Problem(usage);
  const config = loadConfig(operatorSettings);
  const dataDir = path.resolve(root, config.dataDir);
  const databaseUrl = config.databaseUrl || (await readRunFile(dataDir))?.postgres.url;
  if (!databaseUrl) throw new Problem(`No suite runs in ${dataDir}. Start it with npm start, or set DATABASE_URL.`);
  const log = createLogger({ service: "backup", level: "error" });
  const sql = openPool({ ...config, databaseUrl, databasePoolSize: 1, statementTimeoutMs: 0, schema: "backup", log });
  // Whole or not at all.
  const partial = `${file}.partial`;
  try {
    const to = createWriteStream(partial, { mode: 0o600, flags: "wx" });
    await writeDump(sql, to, (table, bytes) => process.stderr.write(`${table}: ${describeBytes(bytes)}\n`));
    await rename(partial, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new Problem(
        `${partial} is there: another backup is being written, or was cut short. Remove it in the latter case.`,
      );
    }
    await rm(partial, { force: true });
    throw error;
  } finally {
    await sql.end({ timeout: 2 });
  }
  process.stdout.write(`${file}\n`);
}

export function describeBytes(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

if (import.meta.main) {
  main().catch((error) => {
    const known = error instanceof Problem || error instanceof ConfigError;
    process.stderr.write(`${known ? error.message : error.stack}\n`);
    process.exit(1);
  });
}
