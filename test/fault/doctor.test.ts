import { createServer } from "node:http";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { version } from "../../platform/process/build-info.ts";
import { eventually } from "../support/api.ts";
import { runProgram } from "../support/run.ts";
import { seed } from "../support/seed.ts";

interface Finding {
  area: string;
  level: string;
  text: string;
  advice?: string;
}

let running: Awaited<ReturnType<typeof startEphemeralCluster>>;
let sql: postgres.Sql;
beforeAll(async () => {
  running = await startEphemeralCluster({ shortUrlBase: "https://q.example.org" });
  sql = postgres(running.cluster.databaseUrl, { max: 1 });
});
afterAll(async () => {
  await sql?.end();
  await running?.end();
});

async function examine(env: Record<string, string> = {}): Promise<{ code: number; problems: Finding[] }> {
  const { code, output } = await runProgram("node", ["cli/doctor.ts", "--json"], {
    env: { QRFORGE_DATA_DIR: running.dataDir, DATABASE_URL: "", NATS_URL: "", ...env },
  });
  const { findings } = JSON.parse(output) as { findings: Finding[] };
  return { code, problems: findings.filter(({ level }) => level !== "good") };
}

/** A process that says this of itself whenever it is asked. */
async function pretend(metrics: () => string): Promise<{ address: string; close(): void }> {
  const server = createServer((_request, response) => response.end(metrics()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return { address: `127.0.0.1:${port}`, close: () => server.close() };
}

describe("the doctor", () => {
  it("finds nothing wrong with a suite that is well and holds accounts, codes and a year of scans", {
    timeout: 120_000,
  }, async () => {
    await seed({ QRFORGE_DATA_DIR: running.dataDir }, { codes: 40, scans: 2_000, logos: 2, accounts: 6 });
    expect(await examine()).toEqual({ code: 0, problems: [] });
  });

  it("finds a database that may forget, one that lacks migrations, and one that has those of a newer version", async () => {
    await sql`alter system set synchronous_commit = off`;
    await sql`select pg_reload_conf()`;
    const [{ name }] = await sql<[{ name: string }]>`
      delete from auth.schema_migrations where name like '0001%' returning name`;
    await sql`insert into qr.schema_migrations (name) values ('9999_newer.sql')`;
    const { code, problems } = await examine();
    await sql`insert into auth.schema_migrations (name) values (${name})`;
    await sql`delete from qr.schema_migrations where name = '9999_newer.sql'`;
    await sql`alter system reset synchronous_commit`;
    await sql`select pg_reload_conf()`;
    expect(code).toBe(1);
    expect(problems).toEqual([
      {
        area: "database",
        level: "wrong",
        text: "synchronous_commit is off",
        advice: expect.stringContaining("Turn it on"),
      },
      { area: "schema", level: "wrong", text: `auth lacks ${name}`, advice: expect.stringContaining("cli/migrate.ts") },
      { area: "schema", level: "warn", text: expect.stringContaining("9999_newer.sql"), advice: expect.any(String) },
    ]);
  });

  it("finds a process that does not answer, and that nobody holds a lease", { timeout: 60_000 }, async () => {
    const [edge] = running.cluster.members("edge");
    edge?.child.kill("SIGSTOP");
    try {
      // Its leases end first.
      const { code, problems } = await eventually(examine, ({ problems }) => problems.length > 1, 20_000);
      expect(code).toBe(1);
      expect(problems.map(({ area }) => area)).toEqual(["leases", "leases", "services"]);
      expect(problems.at(-1)?.text).toContain("edge at http://127.0.0.1:");
    } finally {
      edge?.child.kill("SIGCONT");
    }
  });

  it("finds what cannot be reached, and looks at the rest nevertheless", { timeout: 60_000 }, async () => {
    const { code, problems } = await examine({
      DATABASE_URL: "postgres://nobody:s3cret@127.0.0.1:1/none",
      NATS_URL: "nats://127.0.0.1:1",
      AUTH_METRICS: "127.0.0.1:1",
    });
    expect(code).toBe(1);
    expect(problems.filter(({ level }) => level === "wrong").map(({ area }) => area)).toEqual([
      "database",
      "nats",
      "services",
    ]);
    expect(JSON.stringify(problems)).not.toContain("s3cret");
  });

  it("finds clocks that differ, certificates that end, versions that are mixed, and an edge without a lease", async () => {
    const now = Date.now() / 1_000;
    const about = (of: string, aheadS: number) =>
      `qrforge_build_info{version="${of}",node="v26.0.0"} 1\nqrforge_clock_seconds ${Date.now() / 1_000 + aheadS}\n`;
    const auth = await pretend(
      () => `${about(version, 0)}qrforge_certificate_expiry_seconds{use="rpc"} ${now + 3 * 86_400}\n`,
    );
    const quota = await pretend(() => about(version, -60));
    const qr = await pretend(
      () => `${about("9.9.9", 0)}qrforge_certificate_expiry_seconds{use="rpc"} ${now + 14 * 86_400}\n`,
    );
    const edge = await pretend(
      () => `${about(version, 2)}qrforge_key_lease_seconds 0\nqrforge_slug_lease_seconds 1.5\n`,
    );
    const { code, problems } = await examine({
      DATABASE_URL: running.cluster.databaseUrl,
      NATS_URL: running.cluster.servers().nats?.url ?? "",
      AUTH_METRICS: auth.address,
      QUOTA_METRICS: quota.address,
      QR_METRICS: qr.address,
      EDGE_METRICS: edge.address,
    });
    for (const { close } of [auth, quota, qr, edge]) close();
    expect(code).toBe(1);
    const wrong = problems.map(({ area, level, text }) => `${level} ${area}: ${text}`);
    expect(wrong).toEqual([
      expect.stringMatching(/^warn versions: .*9\.9\.9/),
      expect.stringMatching(/^wrong clocks: quota at \S+ is (?:59\.9|60\.)\d+ s behind/),
      expect.stringMatching(/^warn clocks: edge at \S+ is [12]\.\d+ s ahead/),
      expect.stringMatching(/^wrong certificates: auth at \S+: its certificate \(rpc\) ends in 2 days/),
      expect.stringMatching(/^warn certificates: qr at \S+: its certificate \(rpc\) ends in 13 days/),
      expect.stringMatching(/^wrong leases: edge at \S+ has none on keys/),
    ]);
  });

  it("finds short URLs that nobody outside can open, and replicas that make different ones", async () => {
    const metrics = (base: string) => () =>
      `qrforge_build_info{version="${version}",node="v26.0.0"} 1\nqrforge_clock_seconds ${Date.now() / 1_000}\n` +
      `qrforge_short_url_base_info{base="${base}"} 1\n`;
    for (const [base, level, text] of [
      ["http://localhost:8080", "warn", /http:\/\/localhost:8080\/\.\.\., which works on the machine/],
      ["http://192.168.1.20:8080", "warn", /works inside its network alone/],
    ] as const) {
      const qr = await pretend(metrics(base));
      const { problems } = await examine({ DATABASE_URL: running.cluster.databaseUrl, QR_METRICS: qr.address });
      qr.close();
      expect(problems.filter(({ area }) => area === "short URLs")).toEqual([
        {
          area: "short URLs",
          level,
          text: expect.stringMatching(text),
          advice: expect.stringContaining("SHORT_URL_BASE"),
        },
      ]);
    }
    const [one, other] = await Promise.all([pretend(metrics("https://one.dev")), pretend(metrics("https://two.dev"))]);
    const both = { QR_METRICS: one.address, QUOTA_METRICS: other.address };
    const { problems } = await examine({ DATABASE_URL: running.cluster.databaseUrl, ...both });
    for (const { close } of [one, other]) close();
    expect(problems.filter(({ area }) => area === "short URLs")).toMatchObject([
      { level: "wrong", text: expect.stringContaining("https://one.dev or https://two.dev") },
    ]);
  });

  it("says what it needs where there is nothing to look at", async () => {
    const { code, output } = await runProgram("node", ["cli/doctor.ts"], {
      env: { QRFORGE_DATA_DIR: "/nonexistent", DATABASE_URL: "", NATS_URL: "" },
    });
    expect([code, output]).toEqual([2, expect.stringMatching(/Start one with npm start, .*, or set DATABASE_URL/)]);
  });
});
