import { isPassingNetworkError } from "../../platform/network-errors.ts";
import { openPool, type Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { UserError } from "../errors.ts";
import { type Watch, withWatch } from "./watch.ts";

export interface DatabaseRun {
  databaseUrl: string;
  /** Password, if the URL contains none. */
  databasePassword: string;
  /** Timeout without progress, in ms; one minute if unset. */
  stallTimeoutMs?: number;
}

/** Runs `work` on a database, watches its progress, and always closes the connections. */
export async function withDatabase<T>(
  name: "backup" | "restore",
  { databaseUrl, databasePassword, stallTimeoutMs }: DatabaseRun,
  work: (sql: Sql, watch: Watch) => Promise<T>,
): Promise<T> {
  const log = createLogger({ service: name, level: "error" });
  // One connection runs the transaction, one checks its state.
  const pool = { databaseUrl, databasePassword, databasePoolSize: 2, statementTimeoutMs: 0, schema: name, log };
  const sql = openPool(pool);
  const server = serverOf(databaseUrl);
  let step = "";
  try {
    return await withWatch({ sql, server, ...(stallTimeoutMs && { stallTimeoutMs }) }, async (watch) => {
      try {
        return await work(sql, watch);
      } finally {
        step = watch.step();
      }
    });
  } catch (error) {
    throw explain(error, server, step);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

/** Returns the hosts and ports of a database URL. */
function serverOf(databaseUrl: string): string {
  const [authority = ""] = databaseUrl.replace(/^\w+:\/\//, "").split(/[/?]/);
  return authority.split("@").at(-1) || "localhost";
}

/** Adds the server and the current step to an error. */
function explain(error: unknown, server: string, step: string): unknown {
  const { code = "", severity } = error as { code?: string; severity?: string };
  const isLost = ["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "ECONNRESET", "EPIPE"].includes(code);
  if (isLost) return new UserError(`The connection to Postgres at ${server} was lost at ${step}.`, { cause: error });
  if (code === "CONNECT_TIMEOUT" || isPassingNetworkError(error)) {
    return new UserError(`Postgres at ${server} cannot be reached (${code}). Does it run, and is DATABASE_URL right?`, {
      cause: error,
    });
  }
  if (severity)
    return new UserError(`Postgres at ${server} failed at ${step}: ${(error as Error).message}.`, { cause: error });
  return error;
}
