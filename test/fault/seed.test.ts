import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { openPool, type Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { createScanCountStore } from "../../services/qr/store/scan-counts.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, openAuth, wait } from "../support/api.ts";
import { runProgram } from "../support/run.ts";
import { type Seeded, seed } from "../support/seed.ts";

type Throwaway = Awaited<ReturnType<typeof startEphemeralCluster>>;

let running: Throwaway;
let sql: Sql;
let key: string;
let accountId: string;
let made: Seeded;

const amounts = { codes: 240, scans: 12_000, logos: 4, accounts: 4 };
const fill = () => seed({ QRFORGE_DATA_DIR: running.dataDir }, amounts);
const edge = () => running.cluster.edgeUrls()[0] as string;
const read = async (path: string) => {
  const { status, body, text } = await call(`${edge()}/v1/${path}`, { key });
  expect(status, text).toBe(200);
  return body;
};

/** All items of a list, page after page. */
async function listAll(path: string): Promise<{ id: string; created_at: string; scan_count: number; name: string }[]> {
  const items = [];
  let token = "";
  do {
    const query = `page_size=17${token && `&next_page_token=${token}`}`;
    const page = await read(`${path}${path.includes("?") ? "&" : "?"}${query}`);
    items.push(...page.items);
    token = page.next_page_token ?? "";
  } while (token !== "");
  return items;
}

beforeAll(async () => {
  running = await startEphemeralCluster();
  const log = createLogger({ service: "test", level: "error" });
  const { databaseUrl } = running.cluster;
  sql = openPool({
    databaseUrl,
    databasePassword: "",
    databasePoolSize: 1,
    statementTimeoutMs: 0,
    schema: "test",
    log,
  });
  made = await fill();
  accountId = made.accounts[0]?.account_id as string;
  const auth = openAuth(addressesOf(running.cluster, "auth"));
  key = (await auth.keys.createKey({ accountId, name: "test" }, wait)).secret;
  auth.close();
});
afterAll(async () => {
  await sql?.end();
  await running?.end();
});

describe("a seeded deployment", () => {
  it("lists each code once, newest first, as many as were asked for", async () => {
    const archived = await listAll("qr-codes?status=archived");
    expect(archived.length).toBeGreaterThan(0);
    const active = await listAll("qr-codes");
    const codes = [...active, ...archived];
    expect(codes.length).toBe(made.accounts[0]?.codes);
    expect(new Set(codes.map(({ id }) => id)).size).toBe(codes.length);
    for (const list of [active, archived]) {
      const times = list.map(({ created_at }) => Date.parse(created_at));
      expect(times).toEqual(times.toSorted((one, other) => other - one));
    }
    const [{ count }] = await sql<[{ count: number }]>`select count(*) from qr.codes`;
    expect(count).toBe(amounts.codes);
    const logos = await sql`select distinct logo_id from qr.codes where logo_id <> ''`;
    expect(logos.length).toBe(amounts.logos);
    expect((await listAll("projects")).length).toBe((made.accounts[0]?.projects as number) + 1);
  });

  it("counts by hour, day, device, country and referrer what its single scans are", async () => {
    const [{ count }] = await sql<[{ count: number }]>`select sum(scans)::bigint as count from qr.scan_days`;
    expect(count).toBe(amounts.scans);
    const [{ hours }] = await sql<[{ hours: number }]>`select sum(scans)::bigint as hours from qr.scan_hours`;
    expect(hours).toBe(amounts.scans);
    for (const dimension of ["device", "country", "referrer"]) {
      const differing = await sql`
        with counted as (
          select code_id, (scanned_at at time zone 'UTC')::date as day, ${sql(dimension)} as value, count(*) as scans
          from qr.scans group by 1, 2, 3
        )
        select * from counted c full join (
          select * from qr.scan_dimensions where dimension = ${dimension} and day >= (select min(day) from counted)
        ) d using (code_id, day, value) where c.scans is distinct from d.scans`;
      expect(differing.length, dimension).toBe(0);
    }
    const days = await sql`
      with counted as (
        select code_id, (scanned_at at time zone 'UTC')::date as day, count(*) as scans, count(distinct visitor) as visitors
        from qr.scans group by 1, 2
      )
      select * from counted c full join (
        select * from qr.scan_days where day >= (select min(day) from counted)
      ) d using (code_id, day) where (c.scans, c.visitors) is distinct from (d.scans, d.visitors)`;
    expect(days.length).toBe(0);
    const hoursDiffering = await sql`
      with counted as (
        select code_id, date_trunc('hour', scanned_at, 'UTC') as hour, count(*) as scans from qr.scans group by 1, 2
      )
      select * from counted c full join (
        select * from qr.scan_hours where hour >= (select date_trunc('day', min(hour), 'UTC') from counted)
      ) h using (code_id, hour) where c.scans is distinct from h.scans`;
    expect(hoursDiffering.length).toBe(0);
    // Months of which qr keeps single scans, and no other rows than that.
    const [{ single, other }] = await sql<[{ single: number; other: number }]>`
      select count(*) as single, count(*) filter (where tableoid = 'qr.scans_other'::regclass) as other from qr.scans`;
    expect(single).toBeGreaterThan(amounts.scans / 20);
    expect(other).toBe(0);
  });

  it("answers analytics that sum to each code's scan count", async () => {
    const codes = (await listAll("qr-codes")).sort((one, other) => other.scan_count - one.scan_count);
    expect(codes[0]?.scan_count).toBeGreaterThan(amounts.scans / 50);
    const from = new Date(Date.now() - 399 * 86_400_000).toISOString().slice(0, 10);
    const to = new Date().toISOString().slice(0, 10);
    for (const code of codes.slice(0, 5)) {
      const { data } = await read(`qr-codes/${code.id}/scans?from=${from}&to=${to}&by=device`);
      expect(data.total).toBe(code.scan_count);
      expect(data.unique_visitors).toBeGreaterThan(code.scan_count / 2);
      expect(data.unique_visitors).toBeLessThanOrEqual(code.scan_count);
    }
  });

  it("counts a project's scans without reading those of all other codes", async () => {
    const [project] = await sql<{ projectId: string }[]>`
      select project_id as "projectId" from qr.codes group by 1 order by count(*) desc limit 1`;
    const counted = { projectId: project?.projectId as string };
    const [from, to] = [new Date(Date.now() - 398 * 86_400_000), new Date()];
    await sql.begin(async (tx) => {
      const readWhole = () => tx`
        select relname, seq_scan, seq_tup_read from pg_stat_xact_user_tables
        where relname in ('scan_dimensions', 'scan_days', 'scan_hours') order by relname`;
      // What this connection did a moment ago may be among it still.
      const before = [...(await readWhole())];
      const store = createScanCountStore(tx as unknown as Sql);
      expect((await store.byValue(counted, "country", from, to)).length).toBeGreaterThan(5);
      expect((await store.byDay(counted, from, to)).length).toBeGreaterThan(100);
      expect((await store.byHour(counted, from, to)).length).toBeGreaterThan(100);
      expect([...(await readWhole())]).toEqual(before);
    });
  });

  it("has used its quota, and an audit trail in order", async () => {
    const admin = (...args: string[]) =>
      runProgram("node", ["cli/admin.ts", ...args, "--json"], {
        env: { QRFORGE_DATA_DIR: running.dataDir, DATABASE_URL: "", NATS_URL: "" },
      });
    const usage = JSON.parse((await admin("usage", "list", "--account", accountId, "--days", "90", "--all")).output);
    expect(usage.usage.length).toBeGreaterThan(80);
    for (const { date, used } of usage.usage.slice(0, -1)) {
      const keys = usage.by_key.filter((row: { date: string }) => row.date === date);
      expect(keys.reduce((sum: number, { admitted }: { admitted: number }) => sum + admitted, 0)).toBe(used);
    }
    const verified = JSON.parse((await admin("audit", "verify")).output);
    expect(verified.ok).toBe(true);
    expect(verified.entries).toBeGreaterThan(10);
  });

  it("signs a person in by the link at the end", async () => {
    const token = made.sign_in_link.split("#/sign-in/")[1];
    const signedIn = await call(`${edge()}/dashboard/api/session/link`, { body: { token } });
    expect(signedIn.status, signedIn.text).toBe(200);
  });

  it("can be seeded again, and then has more", async () => {
    await fill();
    const [{ codes, scans }] = await sql<[{ codes: number; scans: number }]>`
      select (select count(*) from qr.codes) as codes, (select sum(scans) from qr.scan_days)::bigint as scans`;
    expect([codes, scans]).toEqual([2 * amounts.codes, 2 * amounts.scans]);
  });
});
