import type { Sql } from "../../platform/postgres/pool.ts";
import { UserError } from "../errors.ts";

/** Timeout without progress, neither in bytes nor in the database, in ms. */
const defaultStallTimeoutMs = 60_000;
/** Interval of progress reports in a long step, in ms. */
const reportMs = 5_000;
/** Timeout of the check whether the database is working, in ms. */
const askTimeoutMs = 5_000;

/** Progress reports of a run. */
export interface Watch {
  /** Starts a step; progress and errors contain its name. */
  begin(step: string): void;
  /** Counts processed bytes. */
  moved(bytes: number): void;
  /** Ends the step and reports it, with the row count of its table if known. */
  end(rows?: number): void;
  /** Sets the id of the database backend that the run waits for: while it works, the run is not stalled. */
  follow(pid: number): void;
  step(): string;
}

export interface WatchOptions {
  sql: Sql;
  /** Address of the database, for the message of a stall. */
  server: string;
  stallTimeoutMs?: number;
  report?(line: string): void;
}

/**
 * Runs `work`, reports its steps on stderr, and fails with a UserError when there is no progress for too long. The work continues
 * until its connections are closed.
 */
export async function withWatch<T>(options: WatchOptions, work: (watch: Watch) => Promise<T>): Promise<T> {
  const { stallTimeoutMs = defaultStallTimeoutMs, report = (line) => process.stderr.write(`${line}\n`) } = options;
  const startedAt = performance.now();
  const total = { tables: 0, rows: 0, bytes: 0 };
  let current = { step: "the connection", startedAt, bytes: 0 };
  let movedAt = startedAt;
  let pid = 0;
  const watch: Watch = {
    begin(step) {
      movedAt = performance.now();
      current = { step, startedAt: movedAt, bytes: 0 };
    },
    moved(bytes) {
      movedAt = performance.now();
      current.bytes += bytes;
      total.bytes += bytes;
    },
    end(rows) {
      const details = current.bytes > 0 || rows === undefined ? [speed(current)] : [];
      if (rows !== undefined) {
        details.unshift(`${rows.toLocaleString("en")} rows`);
        total.tables++;
        total.rows += rows;
      }
      report(`${current.step}: ${details.join(", ")}`);
    },
    follow(id) {
      pid = id;
    },
    step: () => current.step,
  };
  const stalled = Promise.withResolvers<never>();
  let isAsking = false;
  const stallTimer = setInterval(
    async () => {
      if (isAsking || performance.now() - movedAt < stallTimeoutMs) return;
      isAsking = true;
      if (await isWorking(options.sql, pid)) movedAt = performance.now();
      else stalled.reject(new UserError(describeStall(current.step, stallTimeoutMs, options.server)));
      isAsking = false;
    },
    Math.min(1_000, stallTimeoutMs / 4),
  );
  const reportTimer = setInterval(() => report(`${current.step}: ${speed(current)} so far`), reportMs);
  try {
    const result = await Promise.race([work(watch), stalled.promise]);
    report(
      `total: ${total.rows.toLocaleString("en")} rows of ${total.tables} tables, ${speed({ startedAt, bytes: total.bytes })}`,
    );
    return result;
  } finally {
    clearInterval(stallTimer);
    clearInterval(reportTimer);
  }
}

function describeStall(step: string, timeoutMs: number, server: string): string {
  return (
    `Nothing has moved for ${timeoutMs / 1_000} s, at ${step}: Postgres at ${server} does not answer, waits for a lock, or waits ` +
    "for this process. Nothing is left behind; look at the network, the disk and pg_stat_activity, then run it again."
  );
}

/** Returns whether the database backend is working, for example building an index; false if this cannot be checked. */
async function isWorking(sql: Sql, pid: number): Promise<boolean> {
  const asked = sql<{ pid: number }[]>`
    select pid from pg_stat_activity
    where pid = ${pid} and state = 'active' and coalesce(wait_event_type, '') not in ('Client', 'Lock')`.then(
    (rows) => rows.length > 0,
    () => false,
  );
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(resolve, askTimeoutMs, false);
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns size, time and speed, such as `416.0 MB in 12 s, 34.7 MB/s`. */
function speed({ startedAt, bytes }: { startedAt: number; bytes: number }): string {
  const seconds = (performance.now() - startedAt) / 1_000;
  const size = bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
  return seconds < 1 ? size : `${size} in ${seconds.toFixed(0)} s, ${(bytes / 1_000_000 / seconds).toFixed(1)} MB/s`;
}
