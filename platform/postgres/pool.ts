import postgres from "postgres";
import type { Logger } from "../telemetry/log.ts";
import { readDatabaseUrl } from "./database-url.ts";

/** A pool of connections. Values in tagged templates are sent as parameters. int8 columns are read as numbers. */
export type Sql = postgres.Sql<{ int8: number }>;

/** A transaction on one of its connections. */
export type Tx = postgres.TransactionSql<{ int8: number }>;

export interface PoolOptions {
  databaseUrl: string;
  /** Password if the URL has none. */
  databasePassword: string;
  /** Password of the schema's own role, as which the pool then signs in; empty or unset for the user of the URL. */
  rolePassword?: string;
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
  const { url, options: urlOptions } = readDatabaseUrl(options.databaseUrl);
  const sql = postgres(url, {
    ...signInOptions(options),
    ...urlOptions,
    max: options.databasePoolSize,
    connect_timeout: (options.databaseConnectTimeoutMs ?? toolConnectTimeoutMs) / 1_000,
    answer_timeout: statementTimeoutMs > 0 ? (statementTimeoutMs + answerMarginMs) / 1_000 : undefined,
    // Seconds until the next attempt to connect: short, since callers wait for a database that comes back.
    backoff: (tries) => Math.min(0.05 * 2 ** tries, 1),
    idle_timeout: 300,
    max_lifetime: 3_600,
    connection: { application_name: `qrforge-${schema}` },
    // Not as startup parameters, which poolers refuse.
    session: {
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
  if ("session" in sql.options) return;
  throw new Error(
    "The Postgres driver lacks the current patches/postgres@*.patch: run npm ci, or node scripts/patch-packages.mjs",
  );
}

/** Returns the name of the role as which the service of a schema signs in. */
export function roleOf(schema: string): string {
  return `qrforge_${schema}`;
}

/** Who signs in: the user of the URL, or the role of `schema` where its password is given. */
export interface SignIn {
  databaseUrl: string;
  /** Password if the URL has none. */
  databasePassword: string;
  rolePassword?: string;
  schema?: string;
}

/** Returns the driver's options for signing in, which take precedence over a URL of one host or several. */
export function signInOptions({ databaseUrl, databasePassword, rolePassword, schema }: SignIn): {
  user?: string;
  password?: string;
  database?: string;
} {
  const [, user, password, database] =
    /^[^/]*\/\/(?:([^:@/]*)(:[^@/]*)?@)?[^/?]*(?:\/([^?]*))?/.exec(databaseUrl) ?? [];
  if (!rolePassword || !schema) return password === undefined ? { password: databasePassword } : {};
  return {
    user: roleOf(schema),
    password: rolePassword,
    // Without a name in the URL, the database is that of the URL's user, whoever signs in.
    ...(!database && user && { database: decodeURIComponent(user) }),
  };
}
