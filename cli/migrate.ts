import path from "node:path";
import { pathToFileURL } from "node:url";
import { openDatabase } from "../platform/postgres/database.ts";
import { commonSettings, databaseSettings, loadConfig } from "../platform/process/config.ts";
import { createLogger } from "../platform/telemetry/log.ts";
import { defineTool } from "./command.ts";
import { runTool } from "./run-tool.ts";
import { root } from "./settings.ts";

/** What it reads. */
export const settings = { ...commonSettings, ...databaseSettings };

/** The services that have a schema. */
export const schemas = ["auth", "quota", "qr"] as const;

/** The folder of a schema's migrations. */
export function migrationsOf(schema: string): URL {
  return pathToFileURL(`${path.join(root, "services", schema, "migrations")}/`);
}

export const migrateTool = defineTool({
  call: "npm run migrate",
  summary: "Brings the tables in DATABASE_URL up to date with this version.",
  arguments: {
    schema: {
      type: "text",
      value: "SCHEMA",
      choices: schemas,
      meaning: "only these services' tables; all if left out",
      repeatable: true,
    },
  },
  run: ({ schema }) => migrate(schema),
});

async function migrate(named: (typeof schemas)[number][]): Promise<void> {
  const config = loadConfig(settings);
  const log = createLogger({ service: "migrate", level: config.logLevel });
  for (const schema of named.length > 0 ? named : schemas) {
    const folder = migrationsOf(schema);
    const sql = await openDatabase({ ...config, databasePoolSize: 1, schema, folder, migrations: "apply", log });
    await sql.end({ timeout: 2 });
    log.info({ schema }, "up to date");
  }
}

if (import.meta.main) runTool(migrateTool);
