import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrateDatabase, schemas } from "../../cli/migrate.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { roleOf } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { call, eventually } from "../support/api.ts";
import { runProgram } from "../support/run.ts";

/** A Postgres of its own: roles belong to a whole server. */
let servers: Awaited<ReturnType<typeof startEphemeralCluster>>;
let owner: postgres.Sql;
const passwords = { auth: newPassword(), quota: newPassword(), qr: newPassword() };

beforeAll(async () => {
  servers = await startEphemeralCluster({ replicas: { auth: 0, quota: 0, qr: 0, edge: 0 } });
  owner = postgres(servers.cluster.databaseUrl, { max: 1, onnotice: () => {} });
  await owner`alter system set log_statement = 'all'`;
  await owner`select pg_reload_conf()`;
});
afterAll(async () => {
  await owner?.end();
  await servers?.end();
});

function newPassword(): string {
  return randomBytes(12).toString("hex");
}

const urlOf = (user: string, password: string, database = "postgres") =>
  Object.assign(new URL(servers.cluster.databaseUrl), { username: user, password, pathname: `/${database}` }).href;

const migrate = (databaseUrl: string, rolePasswords: Partial<typeof passwords>) =>
  migrateDatabase({
    databaseUrl,
    databasePassword: "",
    statementTimeoutMs: 5_000,
    schemas,
    rolePasswords,
    log: createLogger({ service: "test", level: "fatal" }),
  });

/** Runs statements as a role, over one connection. */
async function asRole<T>(
  schema: keyof typeof passwords,
  work: (sql: postgres.Sql) => Promise<T>,
  password = passwords[schema],
): Promise<T> {
  const sql = postgres(urlOf(roleOf(schema), password), { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

const doctor = async (databaseUrl: string) => {
  const env = {
    DATABASE_URL: databaseUrl,
    NATS_URL: "",
    QRFORGE_DATA_DIR: "/nonexistent",
    AUTH_METRICS: "127.0.0.1:1",
  };
  const { output } = await runProgram("node", ["cli/doctor.ts", "--json"], { env });
  const { findings } = JSON.parse(output) as { findings: { area: string; level: string; text: string }[] };
  return findings.filter(({ area }) => area === "roles");
};

describe("the services' roles", { timeout: 60_000 }, () => {
  it("are made with their passwords, changed by the next migration, and left alone by one that changes nothing", async () => {
    const { databaseUrl } = servers.cluster;
    const verifiers = () =>
      owner`select rolname, rolpassword from pg_authid where rolname like 'qrforge\_%' order by 1`;
    const old = { ...passwords, qr: newPassword() };
    expect(await migrate(databaseUrl, old)).toEqual([]);
    const before = await verifiers();
    expect(before.map(({ rolname }) => rolname)).toEqual(["qrforge_auth", "qrforge_qr", "qrforge_quota"]);
    expect(await migrate(databaseUrl, old)).toEqual([]);
    expect(await verifiers()).toEqual(before);
    expect(await migrate(databaseUrl, passwords)).toEqual([]);
    const refused = asRole("qr", (sql) => sql`select 1`, old.qr);
    await expect(refused).rejects.toMatchObject({ code: "28P01" });
    for (const schema of schemas) expect(await asRole(schema, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
    expect(await doctor(databaseUrl)).toMatchObject([{ level: "good" }]);

    const log = await readFile(path.join(servers.dataDir, "logs", "postgres.log"), "utf8");
    expect(log).toContain("role qrforge_qr login password 'SCRAM-SHA-256$");
    for (const password of [...Object.values(passwords), old.qr]) expect(log).not.toContain(password);
  });

  it("read and write the rows of their own schema, and touch no object of another's", async () => {
    for (const schema of schemas) {
      const tables = await owner<{ schema: string; name: string }[]>`
        select schemaname as schema, tablename as name from pg_tables where schemaname = any(${[...schemas]})`;
      expect(new Set(tables.map((table) => table.schema)).size).toBe(3);
      await asRole(schema, async (sql) => {
        for (const table of tables) {
          const name = `${table.schema}.${table.name}`;
          const statements = [
            `select * from ${name} limit 0`,
            `insert into ${name} select * from ${name} limit 0`,
            `delete from ${name} where false`,
            `truncate ${name}`,
          ];
          const outcomes = [];
          for (const statement of statements) {
            const refused = await sql.unsafe(statement).then(
              () => false,
              ({ code }) => code === "42501",
            );
            outcomes.push(refused);
          }
          const isOwn = table.schema === schema;
          const isFixed = table.name === "schema_migrations";
          const isAppendOnly = name === "auth.audit";
          const expected = isOwn ? [false, isFixed, isFixed || isAppendOnly, true] : [true, true, true, true];
          expect([schema, name, ...outcomes]).toEqual([schema, name, ...expected]);
        }
      });
    }
  });

  it("change no structure, make no role, and drop no month but through its function", async () => {
    for (const schema of schemas) {
      await asRole(schema, async (sql) => {
        for (const statement of [
          `create table ${schema}.more (a int)`,
          "create table public.more (a int)",
          "create temporary table more (a int)",
          "create schema more",
          `drop table ${schema}.schema_migrations`,
          `alter table ${schema}.schema_migrations add column a int`,
          `alter schema ${schema} rename to more`,
          "create role more",
          "create database more",
          "copy (select 1) to program 'true'",
          "select pg_read_file('postgresql.conf')",
          "set role qrforge",
        ]) {
          const attempt = sql.unsafe(statement);
          await expect(attempt, `${schema}: ${statement}`).rejects.toMatchObject({ code: "42501" });
        }
        const month = `${new Date().toISOString().slice(0, 7)}-01`;
        const create = sql`select qr.create_scan_month(${month})`;
        if (schema !== "qr") return expect(create).rejects.toMatchObject({ code: "42501" });
        await create;
        for (const other of ["2026-11-02", "1999-01-01"]) {
          await expect(sql`select qr.create_scan_month(${other})`).rejects.toMatchObject({ code: "22023" });
        }
        const months = () =>
          sql`select 1 from pg_tables where tablename = ${`scans_${month.slice(0, 7).replace("-", "_")}`}`;
        expect(await months()).toHaveLength(1);
        await sql`select qr.drop_scan_month(${month})`;
        expect(await months()).toHaveLength(0);
      });
    }
  });

  it("may use what later migrations make", async () => {
    await owner`create table auth.later (a int generated always as identity, b text)`;
    try {
      await asRole("auth", async (sql) => {
        await sql`insert into auth.later (b) values ('x')`;
        expect(await sql`select a, b from auth.later`).toEqual([{ a: 1, b: "x" }]);
      });
      await expect(asRole("qr", (sql) => sql`select 1 from auth.later`)).rejects.toMatchObject({ code: "42501" });
    } finally {
      await owner`drop table auth.later`;
    }
  });
});

describe("a restore", { timeout: 60_000 }, () => {
  it("leaves the tables with their owner, and to each role what it had", async () => {
    const state = () => owner`
      select c.relname, c.relowner::regrole::text as owner, array(select unnest(c.relacl)::text order by 1) as grants
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = any(${[...schemas]}) and c.relkind in ('r', 'p') order by n.nspname, 1`;
    const before = await state();
    const file = path.join(servers.dataDir, "backup.sql.gz");
    const env = { DATABASE_URL: servers.cluster.databaseUrl };
    for (const args of [
      ["backup", file],
      ["restore", file, "--replace"],
    ]) {
      const [tool, ...rest] = args;
      const { code, output } = await runProgram("node", [`cli/${tool}.ts`, ...rest], { env });
      expect(code, output).toBe(0);
    }
    expect(await state()).toEqual(before);
    await owner`create table qr.later (a int)`;
    await asRole("qr", (sql) => sql`select a from qr.later`);
    await owner`drop table qr.later`;
  });
});

describe("a server that lets its user make no role", { timeout: 120_000 }, () => {
  it("is served with one role for all, which the migration and the doctor say", async () => {
    // A managed database: its user owns it, and nothing else.
    const password = newPassword();
    await owner.unsafe(`create role tenant login password '${password}'`);
    await owner`create database tenant owner tenant`;
    const databaseUrl = urlOf("tenant", password, "tenant");
    for (const schema of schemas) await owner.unsafe(`drop owned by ${roleOf(schema)}; drop role ${roleOf(schema)}`);

    const settings = { DATABASE_URL: databaseUrl, AUTH_DATABASE_PASSWORD: passwords.auth };
    const migrated = await runProgram("node", ["cli/migrate.ts"], { env: settings });
    expect(migrated.code).toBe(1);
    expect(migrated.output).toMatch(
      /tables are up to date, but .* refuses a role to auth: permission denied .* unset AUTH_/,
    );

    const said: string[] = [];
    const running = await startEphemeralCluster({
      databaseUrl,
      rolePasswords: passwords,
      report: (line) => said.push(line),
    });
    try {
      expect(said.filter((line) => line.includes("no role of its own"))).toHaveLength(3);
      const [edge] = running.cluster.edgeUrls();
      const healthy = () => call(`${edge}/readyz`);
      expect((await eventually(healthy, ({ status }) => status === 200, 20_000)).status).toBe(200);
      expect(await doctor(databaseUrl)).toMatchObject([
        { level: "warn", text: expect.stringMatching(/^auth, quota, qr sign in as tenant, /) },
      ]);
    } finally {
      await running.end();
    }

    // The server's administrator makes a role; what it needs comes from the migration.
    await owner.unsafe(`create role ${roleOf("auth")} login password '${passwords.auth}'`);
    expect(await migrate(databaseUrl, { auth: passwords.auth })).toEqual([]);
    const sql = postgres(urlOf(roleOf("auth"), passwords.auth, "tenant"), { max: 1 });
    expect(await sql`select account_id from auth.accounts limit 0`).toEqual([]);
    await sql.end();

    // Or lets the user make roles, and change those that it has made.
    await owner`alter role tenant createrole`;
    expect(await migrate(databaseUrl, { ...passwords, quota: newPassword() })).toEqual([]);
    expect(await migrate(databaseUrl, passwords)).toEqual([]);
    expect(await doctor(databaseUrl)).toMatchObject([{ level: "good" }]);
    expect(await migrate(databaseUrl, { auth: newPassword() })).toMatchObject([{ schema: "auth" }]);
  });
});
