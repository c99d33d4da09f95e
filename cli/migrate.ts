import path from "node:path";
import { pathToFileURL } from "node:url";
import { commonSettings, databaseSettings, loadConfig } from "../platform/config.ts";
import { createLogger } from "../platform/log.ts";
import { openDatabase } from "../platform/sql.ts";
import { Problem, runCommand } from "./problem.ts";
import { root } from "./settings.ts";

/** What it reads. */
export const settings = { ...commonSettings, ...databaseSettings };

/** The services that have a schema. */
export const schemas = ["auth", "quota", "qr"] as const;

/** The folder of a schema's migrations. */
export function migrationsOf(schema: string): URL {
  return pathToFileURL(`${path.join(root, "services", schema, "migrations")}/`);
}

/** `node cli/migrate.ts [SCHEMA…]`: brings the schemas in DATABASE_URL up to date with this version, or those named. */
async function main(): Promise<void> {
  const named = process.argv.slice(2);
  for (const name of named) {
    if (!schemas.some((schema) => schema === name)) throw new Problem(`${name} is none of ${schemas.join(", ")}.`);
  }
  const config = loadConfig(settings);
  const log = createLogger({ service: "migrate", level: config.logLevel });
  for (const schema of named.length > 0 ? named : schemas) {
    const folder = migrationsOf(schema);
    const sql = await openDatabase({ ...config, databasePoolSize: 1, schema, folder, migrations: "apply", log });
    await sql.end({ timeout: 2 });
    log.info({ schema }, "up to date");
  }
}

if (import.meta.main) runCommand(main);
