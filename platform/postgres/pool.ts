import postgres from "postgres";
import type { Logger } from "../telemetry/log.ts";

/** A pool of connections. Values in tagged templates are sent as parameters. int8 columns are read as numbers. */
export type Sql = postgres.Sql<{ int8: number }>;

/** A transaction on one of its connections. */
export type Tx = postgres.TransactionSql<{ int8: number }>;

export interface PoolOptions {
  databaseUrl: string;
  /** Password if the URL has none. */
  databasePassword: string;
  databasePoolSize: number;
  statementTimeoutMs: number;
  /** Schema of this process. */
  schema: string;
  log: Logger;
}

/** Maximum idle time of an open transaction, in ms. */
const idleInTransactionMs = 2_000;

/** Opens a pool, which connects on first use. */
export function openPool(options: PoolOptions): Sql {
  throwIfUnpatched();
  const { schema, log } = options;
  return postgres(options.databaseUrl, {
    ...passwordOption(options),
    max: options.databasePoolSize,
    connect_timeout: 5,
    // Seconds until the next attempt to connect: short, since callers wait for a database that comes back.
    backoff: (tries) => Math.min(0.05 * 2 ** tries, 1),
    idle_timeout: 300,
    max_lifetime: 3_600,
    connection: {
      application_name: `qrforge-${schema}`,
      statement_timeout: options.statementTimeoutMs,
      // Ends the transaction of a process that hangs or is cut off, since others wait for its locks.
      idle_in_transaction_session_timeout: idleInTransactionMs,
      tcp_keepalives_idle: 2,
      tcp_keepalives_interval: 1,
      tcp_keepalives_count: 3,
    },
    onnotice: (notice) => log.debug({ notice: notice.message }, "postgres notice"),
    // Counts stay below 2^53, which a number holds exactly.
    types: { int8: { to: 20, from: [20], serialize: String, parse: Number } },
  });
}

/** Throws unless the driver has its patch, without which the loss of a connection can end the process. */
function throwIfUnpatched(): void {
  if ("isPatched" in postgres) return;
  throw new Error(
    "The Postgres driver lacks patches/postgres@*.patch: run npm install, or node scripts/patch-packages.mjs",
  );
}

/** Returns the driver's `password` option, or nothing where the URL, of one host or several, holds a password. */
export function passwordOption({ databaseUrl, databasePassword }: { databaseUrl: string; databasePassword: string }): {
  password?: string;
} {
  return /^[^/]*\/\/[^/@]*:[^/@]*@/.test(databaseUrl) ? {} : { password: databasePassword };
}
