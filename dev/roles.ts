/** Brings the database of the launcher up to date, and gives each service a role and a NATS user of its own. */
import { migrateDatabase, type Schema, schemas } from "../cli/migrate.ts";
import type { NatsClient } from "../platform/messaging/users.ts";
import { busSettings, databaseSettings, rolePasswordSettings } from "../platform/process/config.ts";
import { createLogger } from "../platform/telemetry/log.ts";
import { newPassword } from "./password.ts";

export type RolePasswords = Partial<Record<Schema, string>>;

/**
 * Applies the migrations. Returns the passwords of the roles that services sign in as: new ones on the embedded server; those
 * of the settings on a server of the user's own, which others may use as well. A service whose role the server refuses signs
 * in as the user of the URL.
 */
export async function prepareDatabase(options: {
  databaseUrl: string;
  databasePassword: string;
  isEmbedded: boolean;
  rolePasswords: RolePasswords;
  report(text: string): void;
}): Promise<RolePasswords> {
  const passwords: RolePasswords = options.isEmbedded
    ? { auth: newPassword(), quota: newPassword(), qr: newPassword() }
    : { ...options.rolePasswords };
  const refused = await migrateDatabase({
    ...options,
    rolePasswords: passwords,
    statementTimeoutMs: Number(databaseSettings.statementTimeoutMs.default),
    schemas,
    log: createLogger({ service: "migrate", level: "error" }),
  });
  for (const { schema, reason } of refused) {
    delete passwords[schema];
    options.report(`Postgres: no role of its own for ${schema} (${reason}); it signs in as the user of DATABASE_URL`);
  }
  return passwords;
}

const { databaseUrl, databasePassword } = databaseSettings;
const secrets = [databaseUrl, databasePassword, busSettings.natsUrl, busSettings.natsPassword];

/** Settings that take all passwords of servers from an environment, so that a process gets those alone that it needs. */
const withoutPasswords = Object.fromEntries(
  [...secrets, ...Object.values(rolePasswordSettings)].flatMap(({ env }) => [
    [env, ""],
    [`${env}_FILE`, ""],
  ]),
);

/** Servers, and who signs in there. */
export interface Servers {
  databaseUrl: string;
  databasePassword: string;
  rolePasswords: RolePasswords;
  natsUrl: string;
  natsPassword: string;
  /** Passwords of the users of the embedded NATS. */
  natsPasswords: Record<NatsClient, string> | undefined;
}

/** Returns the settings with which a service signs in to Postgres and NATS: as its own role and user, where it has them. */
export function signInEnvironment(kind: Schema | "edge", servers: Servers): Record<string, string> {
  const natsPassword = kind === "quota" ? "" : (servers.natsPasswords?.[kind] ?? servers.natsPassword);
  const nats = kind === "quota" ? {} : { NATS_URL: servers.natsUrl, NATS_PASSWORD: natsPassword };
  if (kind === "edge") return { ...withoutPasswords, ...nats };
  const role = servers.rolePasswords[kind];
  const { env } = rolePasswordSettings[kind];
  const database = role
    ? { DATABASE_URL: stripPassword(servers.databaseUrl), [env]: role }
    : { DATABASE_URL: servers.databaseUrl, DATABASE_PASSWORD: servers.databasePassword };
  return { ...withoutPasswords, ...nats, ...database };
}

function stripPassword(url: string): string {
  return url.replace(/^([^/]*\/\/[^:@/]*):[^@/]*@/, "$1@");
}
