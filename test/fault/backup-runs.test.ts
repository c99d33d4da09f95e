import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { withWatch } from "../../cli/backup/watch.ts";
import { backUp } from "../../cli/backup.ts";
import { restore } from "../../cli/restore.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import type { Sql, Tx } from "../../platform/postgres/pool.ts";
import { type FaultyLink, startFaultyLink } from "../support/faulty-link.ts";
import { createDatabase, createFilledDatabase, openTestPool, sumTables } from "../support/filled.ts";
import { root, runProgram } from "../support/run.ts";

/** Far below what is read and written, and above what Node and the driver need. */
const memoryMax = 320 << 20;

let running: Awaited<ReturnType<typeof startEphemeralCluster>>;
let folder: string;
let server: Sql;
let filled: string;
let link: FaultyLink | undefined;
let silent: Promise<void>;

const database = (databaseUrl: string) => ({ databaseUrl, databasePassword: "" });
const file = (name: string) => path.join(folder, name);
const filesLeft = async (name: string) => (await readdir(folder)).filter((one) => one.startsWith(name));
const empty = () => createDatabase(server, running.cluster.databaseUrl);
const tool = (name: "backup" | "restore", databaseUrl: string, args: string[], nodeArgs: string[] = []) =>
  runProgram("node", [...nodeArgs, `cli/${name}.ts`, ...args], { env: { DATABASE_URL: databaseUrl } });
/** Makes Node print the most memory that it had, in kB, at its end. */
const printMemory = [
  "--import",
  'data:text/javascript,process.on("exit",()=>console.log("memory",process.resourceUsage().maxRSS))',
];
const memoryIn = (output: string) => Number(/^memory (\d+)$/m.exec(output)?.[1]) * 1_024;

/** The URL of a database by a link that goes silent after so many bytes. */
async function bySilentLink(databaseUrl: string, bytesMax: number): Promise<string> {
  const { hostname, port } = new URL(databaseUrl);
  link = await startFaultyLink();
  link.leadTo({ host: hostname, port: Number(port) });
  silent = link.silenceAfter(bytesMax);
  return Object.assign(new URL(databaseUrl), { port: String(link.port) }).href;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-backup-"));
  running = await startEphemeralCluster({ replicas: { auth: 0, quota: 0, qr: 0, edge: 0 }, natsUrl: "none" });
  server = openTestPool(running.cluster.databaseUrl);
  filled = await createFilledDatabase(server, running.cluster.databaseUrl, {
    codes: 2_000,
    scans: 200_000,
    logos: 20,
    answers: 500,
  });
});
afterEach(async () => {
  await link?.close();
  link = undefined;
});
afterAll(async () => {
  await server?.end({ timeout: 2 });
  await running?.end();
  await rm(folder, { recursive: true, force: true });
});

describe("a backup of a database in use", () => {
  it("is one moment of it, and restored has every row of that moment", { timeout: 180_000 }, async () => {
    const sql = openTestPool(filled);
    let isDone = false;
    let written = 0;
    const write = async () => {
      while (!isDone) {
        await sql.begin(async (tx) => {
          await tx`update qr.codes set revision = revision + 1 where slug = ${`filled-${1 + (written % 2_000)}`}`;
          await tx`update qr.projects set description = ${`after ${written}`}`;
          await tx`
            insert into qr.scans (scan_id, code_id, scanned_at)
            select gen_random_uuid(), code_id, now() from qr.codes limit 50`;
        });
        written++;
      }
    };
    const writing = write();
    const made = await tool("backup", filled, [file("used")]);
    isDone = true;
    await writing;
    await sql.end();
    expect(made, made.output).toMatchObject({ code: 0 });
    expect(written).toBeGreaterThan(0);
    const target = await empty();
    const restored = await tool("restore", target, [file("used")]);
    expect(restored, restored.output).toMatchObject({ code: 0 });
    // Each transaction above raised one revision and wrote its number: a moment holds as many of one as of the other.
    const restoredSql = openTestPool(target);
    const [{ raised, description }] = await restoredSql<[{ raised: number; description: string }]>`
      select (select sum(revision - 1)::int from qr.codes) as raised, description from qr.projects`;
    await restoredSql.end();
    expect(raised).toBe(description === "" ? 0 : Number(description.slice("after ".length)) + 1);
  });

  it("needs no more memory for more rows, nor does its restore, and nothing differs", {
    timeout: 180_000,
  }, async () => {
    const large = await createFilledDatabase(server, running.cluster.databaseUrl, {
      codes: 10,
      scans: 0,
      logos: 0,
      answers: 0,
    });
    const sql = openTestPool(large);
    // 500 MB as text: little on the disk and in the file.
    await sql`
      insert into qr.idempotency_keys (account_id, key, request_hash, answer)
      select 'filled', 'large-' || n, '', convert_to(repeat(md5(n::text), 8192), 'UTF8') from generate_series(1, 1000) n`;
    await sql.end();
    const made = await tool("backup", large, [file("large")], printMemory);
    expect(made, made.output).toMatchObject({ code: 0 });
    expect(memoryIn(made.output)).toBeLessThan(memoryMax);
    const target = await empty();
    const restored = await tool("restore", target, [file("large")], printMemory);
    expect(restored, restored.output).toMatchObject({ code: 0 });
    expect(memoryIn(restored.output)).toBeLessThan(memoryMax);
    expect(await sumTables(target)).toEqual(await sumTables(large));
    await rm(file("large"));
  });
});

describe("a restored table", () => {
  it("that has not the rows it had is refused by its name, and nothing is changed", { timeout: 240_000 }, async () => {
    await backUp(file("whole"), database(filled));
    const text = gunzipSync(await readFile(file("whole"))).toString("latin1");
    const target = await empty();
    const refuse = async (name: string, altered: string, message: string | RegExp) => {
      expect(altered).not.toBe(text);
      await writeFile(file(name), gzipSync(Buffer.from(altered, "latin1"), { level: 1 }));
      await expect(restore(file(name), false, database(target))).rejects.toThrow(message);
      const sql = openTestPool(target);
      expect(await sql`select 1 from pg_namespace where nspname in ('auth', 'quota', 'qr')`).toHaveLength(0);
      await sql.end();
    };
    const hour = /(?<=\ncopy qr\.scan_hours [^\n]*\n)[^\n]*\n/;
    await refuse("lost", text.replace(hour, ""), /qr\.scan_hours has \d+ rows and had \d+ when it was backed up/);
    await refuse("changed", text.replace("\tfilled-7\t", "\tfilled-x\t"), /qr\.codes has other values than it had/);
    await refuse("unchecked", text.replace(/\n-- check qr\.codes: .*/, ""), "it has no check of qr.codes");
    await refuse("broken", text.replace(hour, "no row\n"), /at qr\.scan_hours: .*invalid input|missing data/);
    await refuse(
      "old",
      text.replace("QRForge backup 2", "QRForge backup 1"),
      /has format 1 and this version reads format 2/,
    );
    await refuse("foreign", text.replace("QRForge", "PostgreSQL"), "not a backup of QRForge");
    await refuse("cut", text.slice(0, text.length / 2), "ends too early");
    await expect(restore(file("whole"), false, database(target))).resolves.toMatchObject({
      takenAt: expect.any(String),
    });
    expect(await sumTables(target)).toEqual(await sumTables(filled));
  });
});

describe("a run in which nothing moves", () => {
  it("fails and says at which table, and leaves nothing", { timeout: 180_000 }, async () => {
    const stallTimeoutMs = 1_000;
    const slow = await bySilentLink(filled, 6_000_000);
    await expect(backUp(file("stalled"), { ...database(slow), stallTimeoutMs })).rejects.toThrow(
      /Nothing has moved for 1 s, at qr\.logos: Postgres at 127\.0\.0\.1:\d+ does not answer/,
    );
    expect(await filesLeft("stalled")).toEqual([]);
    await link?.close();

    if (!(await filesLeft("whole")).length) await backUp(file("whole"), database(filled));
    const target = await empty();
    const there = await bySilentLink(target, 6_000_000);
    await expect(restore(file("whole"), false, { ...database(there), stallTimeoutMs })).rejects.toThrow(
      /Nothing has moved for 1 s, at qr\.\w+: Postgres at 127\.0\.0\.1:\d+ does not answer/,
    );
  });

  /** Runs a statement under a watch of half a second, in a transaction. */
  const watched = async (tx: Tx, sql: Sql, statement: string) => {
    const [{ pid }] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`;
    return await withWatch({ sql, server: "here", stallTimeoutMs: 500, report: () => {} }, async (watch) => {
      watch.follow(pid);
      return await tx.unsafe(statement);
    });
  };

  it("goes on while the database works", async () => {
    // Several times the timeout.
    await expect(server.begin((tx) => watched(tx, server, "select pg_sleep(2)"))).resolves.toHaveLength(1);
  });

  it("fails while it waits for a lock of others", async () => {
    await server`create table locked ()`;
    const waiter = openTestPool(running.cluster.databaseUrl);
    const failed = Promise.withResolvers<unknown>();
    let waiting: Promise<unknown> = Promise.resolve();
    await server.begin(async (tx) => {
      await tx`lock table locked`;
      waiting = waiter.begin((other) => watched(other, waiter, "select from locked").then(() => {}, failed.resolve));
      expect(await failed.promise).toMatchObject({ message: expect.stringContaining("waits for a lock") });
    });
    // The lock is free now.
    await waiting;
    await waiter.end({ timeout: 2 });
  });
});

describe("a backup that is stopped", () => {
  const start = async (name: string) => {
    const slow = await bySilentLink(filled, 6_000_000);
    const child = spawn("node", ["cli/backup.ts", file(name)], {
      cwd: root,
      env: { ...process.env, DATABASE_URL: slow, PATH: `${root}/node_modules/.bin:${process.env.PATH}` },
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    await silent;
    expect(await filesLeft(name)).toHaveLength(1);
    return { child, ended };
  };

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("by %s leaves no file", async (signal, code) => {
    const { child, ended } = await start(signal);
    child.kill(signal);
    expect((await ended)[0]).toBe(code);
    expect(await filesLeft(signal)).toEqual([]);
  });

  it("by SIGKILL does not hinder the next one", async () => {
    const { child, ended } = await start("killed");
    child.kill("SIGKILL");
    await ended;
    await backUp(file("killed"), database(filled));
    expect((await stat(file("killed"))).mode & 0o777).toBe(0o600);
  });
});

describe("a mistake", () => {
  it("is named, with what to change and without the password", async () => {
    const unreachable = "postgres://qrforge:s3cret@127.0.0.1:1/none";
    const message = "Postgres at 127.0.0.1:1 cannot be reached (ECONNREFUSED). Does it run, and is DATABASE_URL right?";
    await writeFile(file("there"), "");
    for (const [run, problem] of [
      [tool("backup", unreachable, [file("x")]), message],
      [tool("restore", unreachable, [file("there")]), message],
      [tool("backup", filled, [file("there")]), "is there already. Name another file."],
      [tool("backup", filled, [file("none/x")]), `There is no folder ${file("none")}. Make it`],
      [tool("restore", filled, [file("none")]), "cannot be read: ENOENT"],
      [tool("restore", filled, [folder]), "is a folder. Name a file that npm run -s backup has written."],
    ] as const) {
      const { code, output } = await run;
      expect([code, output.trim().split("\n").length, output]).toEqual([1, 1, expect.stringContaining(problem)]);
      expect(output).not.toContain("s3cret");
    }
    expect(await filesLeft("x")).toEqual([]);
  });

  it("of a disk without room is named, and nothing is left", async () => {
    // A bound on the size of files is what every user has; a full disk is the same to the tool.
    const command = `ulimit -f 1000; exec node cli/backup.ts ${file("full")}`;
    const { code, output } = await runProgram("sh", ["-c", command], { env: { DATABASE_URL: filled } });
    expect([code, output]).toEqual([1, expect.stringContaining(`There is no room for the backup in ${folder}`)]);
    expect(await filesLeft("full")).toEqual([]);
  });
});
