import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import postgres from "postgres";
import { preparePostgres } from "../../dev/postgres.ts";
import { answersQueries } from "../../platform/postgres/inspect.ts";
import { eventually } from "../support/api.ts";

const readyMaxMs = 30_000;

interface Server {
  url: string;
  child: ChildProcess;
}

/** A primary, and a standby that has on disk what the primary has acknowledged, unless it is asynchronous. */
export interface Pair {
  primary: Server;
  standby: Server;
  /** Both in one URL, which leads to whichever of them takes changes. */
  url: string;
  /** Cuts the standby off, which stays as it is. Resolves once it receives nothing any more. */
  cutOff(): Promise<void>;
  /** Ends the primary as a power cut would, makes the standby the primary, and tells how long that took, in ms. */
  failOver(): Promise<number>;
  stop(): Promise<void>;
}

async function startServer(dataDir: string, signal: AbortSignal): Promise<Server> {
  const server = await preparePostgres(dataDir, {
    logFile: path.join(dataDir, "postgres.log"),
    report: () => {},
    signal,
  });
  const child = await server.start();
  await eventually(() => answersQueries(server.url), Boolean, readyMaxMs);
  return { url: server.url, child };
}

/** Runs a few statements on a server, over one connection. */
export async function onServer<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Starts a primary, copies it while it runs, and has the copy follow it. */
export async function startPair(
  folder: string,
  signal: AbortSignal,
  { synchronous }: { synchronous: boolean },
): Promise<Pair> {
  const [first, second] = ["primary", "standby"].map((name) => path.join(folder, name)) as [string, string];
  for (const dataDir of [first, second]) await mkdir(dataDir, { recursive: true });
  const primary = await startServer(first, signal);
  await onServer(primary.url, async (sql) => {
    // What the standby lacks is kept for it from here on: https://www.postgresql.org/docs/18/continuous-archiving.html
    await sql`select pg_create_physical_replication_slot('standby', true)`;
    await sql`select pg_backup_start('standby', true)`;
    const apart = /^postgres\/(postmaster\.(pid|opts)|pg_wal\/.+|pg_replslot\/.+)$/;
    await cp(path.join(first, "postgres"), path.join(second, "postgres"), {
      recursive: true,
      filter: (file) => !apart.test(path.relative(first, file)),
    });
    const [{ labelfile }] = await sql<[{ labelfile: string }]>`select labelfile from pg_backup_stop()`;
    await writeFile(path.join(second, "postgres", "backup_label"), labelfile);
  });
  const { hostname, port, username, password } = new URL(primary.url);
  await cp(path.join(first, "postgres-password"), path.join(second, "postgres-password"));
  await writeFile(path.join(second, "postgres", "standby.signal"), "");
  const own = path.join(second, "postgres", "postgresql.auto.conf");
  const follow = `host=${hostname} port=${port} user=${username} password=${password} application_name=standby`;
  const settings = `primary_conninfo = '${follow}'\nprimary_slot_name = 'standby'\n`;
  await writeFile(own, `${await readFile(own, "utf8")}${settings}`, { mode: 0o600 });
  const standby = await startServer(second, signal);
  await onServer(primary.url, async (sql) => {
    // A commit is acknowledged when it is on both disks. Only the primary has this: alone, the standby waits for nobody.
    if (synchronous) {
      await sql.unsafe("alter system set synchronous_standby_names = 'standby'");
      await sql`select pg_reload_conf()`;
    }
    await eventually(
      () => sql`select 1 from pg_stat_replication where sync_state = ${synchronous ? "sync" : "async"}`,
      (rows) => rows.length === 1,
      readyMaxMs,
    );
  });
  const end = async ({ child }: Server, how: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(how);
    await exit;
  };
  return {
    primary,
    standby,
    url: `postgres://${username}:${password}@${hostname}:${port},${new URL(standby.url).host}/postgres?target_session_attrs=read-write`,
    cutOff: () =>
      onServer(standby.url, async (sql) => {
        await sql.unsafe("alter system set primary_conninfo = ''");
        await sql`select pg_reload_conf()`;
        await eventually(
          () => sql`select 1 from pg_stat_wal_receiver`,
          (rows) => rows.length === 0,
          readyMaxMs,
        );
      }),
    async failOver() {
      await end(primary, "SIGKILL");
      const startedMs = performance.now();
      await onServer(standby.url, (sql) => sql`select pg_promote()`);
      return performance.now() - startedMs;
    },
    async stop() {
      await Promise.all([primary, standby].map((server) => end(server, "SIGINT")));
    },
  };
}
