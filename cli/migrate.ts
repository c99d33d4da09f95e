import path from "node:path";
import { pathToFileURL } from "node:url";
import { openDatabase } from "../platform/postgres/database.ts";
import { grantToRole, makeRole, restrictDatabase } from "../platform/postgres/roles.ts";
import { commonSettings, databaseSettings, loadConfig, rolePasswordSettings } from "../platform/process/config.ts";
import { createLogger, type Logger } from "../platform/telemetry/log.ts";
import { defineTool } from "./command.ts";
import { UserError } from "./errors.ts";
import { runTool } from "./run-tool.ts";
import { root } from "./settings.ts";

/** What it reads. */
export const settings = {
  ...commonSettings,
  ...databaseSettings,
  authRolePassword: rolePasswordSettings.auth,
  quotaRolePassword: rolePasswordSettings.quota,
  qrRolePassword: rolePasswordSettings.qr,
};

/** The services that have a schema. */
export const schemas = ["auth", "quota", "qr"] as const;
export type Schema = (typeof schemas)[number];

/** The folder of a schema's migrations. */
export function migrationsOf(schema: string): URL {
  return pathToFileURL(`${path.join(root, "services", schema, "migrations")}/`);
}

export const migrateTool = defineTool({
  call: "npm run migrate",
  summary: "Brings the tables in DATABASE_URL up to date with this version, and the services' roles.",
  details:
    "It makes the roles qrforge_auth, qrforge_quota and qrforge_qr whose passwords are set (AUTH_DATABASE_PASSWORD, " +
    "QUOTA_DATABASE_PASSWORD, QR_DATABASE_PASSWORD), and gives an existing role the password that is set.",
  arguments: {
    schema: {
      type: "text",
      value: "SCHEMA",
      choices: schemas,
      meaning: "only these services' tables and roles; all if left out",
      repeatable: true,
    },
  },
  run: ({ schema }) => migrate(schema),
});

/** A role that the server does not let sign in with its password, and the server's message. */
export interface RefusedRole {
  schema: Schema;
  reason: string;
}

/**
 * Applies the migrations of the schemas, and makes the roles whose passwords are given. Returns the roles that the server
 * refuses.
 */
export async function migrateDatabase(options: {
  databaseUrl: string;
  databasePassword: string;
  statementTimeoutMs: number;
  schemas: readonly Schema[];
  rolePasswords: Partial<Record<Schema, string>>;
  log: Logger;
}): Promise<RefusedRole[]> {
  const { databaseUrl, rolePasswords, log } = options;
  const refused: RefusedRole[] = [];
  for (const schema of options.schemas) {
    const folder = migrationsOf(schema);
    const sql = await openDatabase({ ...options, databasePoolSize: 1, schema, folder, migrations: "apply" });
    try {
      const rolePassword = rolePasswords[schema];
      if (!rolePassword) continue;
      const reason = await makeRole(sql, { databaseUrl, schema, rolePassword });
      if (reason) {
        refused.push({ schema, reason });
        continue;
      }
      await sql.begin(async (tx) => {
        await grantToRole(tx, schema);
        await restrictDatabase(tx, schema);
      });
      log.info({ schema }, "the role of the service can sign in");
    } finally {
      await sql.end({ timeout: 2 });
    }
  }
  return refused;
}

async function migrate(named: Schema[]): Promise<void> {
  const config = loadConfig(settings);
  const log = createLogger({ service: "migrate", level: config.logLevel });
  const refused = await migrateDatabase({
    ...config,
    schemas: named.length > 0 ? named : schemas,
    rolePasswords: { auth: config.authRolePassword, quota: config.quotaRolePassword, qr: config.qrRolePassword },
    log,
  });
  const [first] = refused;
  if (!first) return log.info("up to date");
  const settingsOf = refused.map(({ schema }) => rolePasswordSettings[schema].env).join(", ");
  throw new UserError(
    `The tables are up to date, but the server refuses a role to ${refused.map(({ schema }) => schema).join(", ")}: ` +
      `${first.reason}. Make the roles as docs/operations.md says, or unset ${settingsOf} for this command and for ` +
      "the services, which then share the user of DATABASE_URL.",
  );
}

if (import.meta.main) runTool(migrateTool);
