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
  /** The longest time to connect and sign in, in ms; 5 s if unset, for tools. */
  databaseConnectTimeoutMs?: number;
  /** The longest a statement may run, in ms; 0 for a tool whose statements may take as long as they do. */
  statementTimeoutMs: number;
  /** Schema of this process. */
  schema: string;
  log: Logger;
}

/** Maximum idle time of an open transaction, in ms. */
const idleInTransactionMs = 2_000;
/** How much longer than a statement may run its answer is waited for, in ms. */
const answerMarginMs = 1_000;
const toolConnectTimeoutMs = 5_000;

/**
 * Opens a pool, which connects on first use. The server ends a statement after `statementTimeoutMs`. If it answers nothing
 * for a second more, its connection is destroyed, and so is every other that has heard nothing meanwhile; their queries
 * reject with ANSWER_TIMEOUT or CONNECTION_CLOSED. A query that gets no connection for that time rejects with POOL_TIMEOUT.
 */
export function openPool(options: PoolOptions): Sql {
  const { schema, log, statementTimeoutMs } = options;
  const sql = postgres(options.databaseUrl, {
    ...passwordOption(options),
    max: options.databasePoolSize,
    connect_timeout: (options.databaseConnectTimeoutMs ?? toolConnectTimeoutMs) / 1_000,
    answer_timeout: statementTimeoutMs > 0 ? (statementTimeoutMs + answerMarginMs) / 1_000 : undefined,
    // Seconds until the next attempt to connect: short, since callers wait for a database that comes back.
    backoff: (tries) => Math.min(0.05 * 2 ** tries, 1),
    idle_timeout: 300,
    max_lifetime: 3_600,
    connection: {
      application_name: `qrforge-${schema}`,
      statement_timeout: statementTimeoutMs,
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
  throwIfUnpatched(sql);
  return sql;
}

/** Throws unless the driver has its patch, without which the loss of a connection can end the process or hang it. */
function throwIfUnpatched(sql: Sql): void {
  if ("answer_timeout" in sql.options) return;
  throw new Error(
    "The Postgres driver lacks the current patches/postgres@*.patch: run npm ci, or node scripts/patch-packages.mjs",
  );
}

/** Returns the driver's `password` option, or nothing where the URL, of one host or several, holds a password. */
export function passwordOption({ databaseUrl, databasePassword }: { databaseUrl: string; databasePassword: string }): {
  password?: string;
} {
  return /^[^/]*\/\/[^/@]*:[^/@]*@/.test(databaseUrl) ? {} : { password: databasePassword };
}
