import { createHash } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { formatApiKey } from "../../contracts/api-key.ts";
import { newId, randomBase62 } from "../../platform/ids.ts";
import type { Sql } from "../../platform/postgres/pool.ts";
import { tracesOf } from "../../services/auth/domain/keys.ts";
import { createAccountStore } from "../../services/auth/store/accounts.ts";
import { createAuditStore } from "../../services/auth/store/audit.ts";
import { createKeyStore } from "../../services/auth/store/keys.ts";
import { createLeakReportStore } from "../../services/auth/store/leak-reports.ts";
import { createOutbox } from "../../services/auth/store/outbox.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";
import { createOwnDatabase, type OwnDatabase } from "../support/own-database.ts";

const { edges, auths, databaseUrl } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
const sql = postgres(databaseUrl, { max: 2 });
afterAll(async () => {
  auth.close();
  await sql.end();
});

const madeUp = (count: number) => Array.from({ length: count }, () => formatApiKey(randomBase62(26)));
const hashOf = (key: string) => createHash("sha256").update(key).digest();

describe("a report of leaked keys", () => {
  const report = (keys: unknown, from = edge) => call(`${from}/leaked-keys`, { body: { keys } });
  /** What an edge would send for a report of these keys from an address: tests have one address only. */
  const reportFrom = (network: string, keys: string[]) =>
    auth.keys.reportLeakedKeys(
      {
        keyHashes: keys.map(hashOf),
        actor: { name: "reporter", address: network },
      },
      wait,
    );
  const dead = async (key: string) => {
    const refused = await eventually(
      () => call(`${edge}/v1/usage`, { key }),
      (answer) => answer.status === 401,
      2_000,
    );
    expect(refused.body.code).toBe("api_key_inactive");
  };

  it("revokes what is real, and answers the same for what is not", { timeout: 30_000 }, async () => {
    const { key } = await auth.newAccount();
    const real = await report([key]);
    const unreal = await report(madeUp(1));
    expect([real.status, unreal.status]).toEqual([202, 202]);
    expect(real.body.data).toEqual(unreal.body.data);
    await dead(key);
  });

  it("ends a real key at once, whatever else was reported before it and with it", { timeout: 30_000 }, async () => {
    const [{ key: one }, { key: among }, { key: last }] = await Promise.all([
      auth.newAccount(),
      auth.newAccount(),
      auth.newAccount(),
    ]);
    for (let call = 0; call < 10; call++) await reportFrom("198.51.100.20", madeUp(1_000));
    await reportFrom("198.51.100.21", [one]);
    await dead(one);
    expect((await report([...madeUp(500), among, ...madeUp(499)], edges[1])).status).toBe(202);
    await dead(among);
    await reportFrom("198.51.100.20", [last]);
    await dead(last);
    expect(await sql`select 1 from auth.leak_reports`).toHaveLength(0);
  });

  it("settles what an earlier version stored of made-up keys", async () => {
    await sql`
      insert into auth.leak_reports (key_hash, reporter, address)
      select sha256(n::text::bytea), 'reporter', '198.51.100.22' from generate_series(1, 20_000) as s (n)`;
    await eventually(
      async () => await sql`select 1 from auth.leak_reports limit 1`,
      (rows) => rows.length === 0,
    );
  });

  it("takes at most 1,000 keys, and only so many calls a minute from one address", async () => {
    expect((await report(Array(1_001).fill("x"))).status).toBe(400);
    expect((await report("x")).status).toBe(400);
    const answers = await Promise.all(Array.from({ length: 40 }, () => report(["x"])));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]?.headers.get("retry-after")).toMatch(/^\d+$/);
  });
});

describe("reports in the database", () => {
  /** A database of its own, in which no worker takes reports. */
  let database: OwnDatabase;
  let own: Sql;
  beforeAll(async () => {
    database = await createOwnDatabase(databaseUrl, ["auth"]);
    own = database.sql;
  });
  afterAll(() => database.drop());

  const outbox = createOutbox({ isOn: false });
  const operator = { name: "operator:ann", address: "192.0.2.7" };
  async function newKey(): Promise<{ key: string; keyId: string }> {
    const [accountId, keyId, key] = [newId(), newId(), formatApiKey(randomBase62(26))];
    const account = { accountId, email: `${accountId}@qrforge.example`, plan: "pro" as const, perMinute: 0, perDay: 0 };
    await createAccountStore(own, outbox).create(operator, account);
    await createKeyStore(own, outbox).create(operator, accountId, { keyId, name: "x", ...tracesOf(key) });
    return { key, keyId };
  }
  const stored = async () => (await own`select 1 from auth.leak_reports`).length;

  it("are those of active keys alone", async () => {
    const reports = createLeakReportStore(own, outbox);
    const { key, keyId } = await newKey();
    const { key: ended, keyId: endedId } = await newKey();
    await createKeyStore(own, outbox).revoke(operator, endedId, "");
    const reporter = { name: "reporter", address: "198.51.100.1" };
    await reports.add(reporter, [...madeUp(998), key, ended].map(hashOf));
    expect(await stored()).toBe(1);
    expect((await reports.revoke(100))?.keyIds).toEqual([keyId]);
    expect(await stored()).toBe(0);
    const [entry] = await createAuditStore(own).list("", 1, 0);
    expect(entry).toMatchObject({
      action: "key.revoke",
      keyId,
      actor: "leak-report:reporter",
      address: "198.51.100.1",
    });
  });

  it("are taken in turn by the networks they come from", async () => {
    const reports = createLeakReportStore(own, outbox);
    const many = await Promise.all(Array.from({ length: 5 }, newKey));
    for (const [index, { key }] of many.entries()) {
      await reports.add({ name: "reporter", address: `2001:db8:0:${index + 1}::1` }, [hashOf(key)]);
    }
    const one = await newKey();
    await reports.add({ name: "reporter", address: "198.51.100.2" }, [hashOf(one.key)]);
    expect((await reports.revoke(2))?.keyIds).toContain(one.keyId);
    expect((await reports.revoke(100))?.keyIds).toHaveLength(4);
    expect(await reports.revoke(100)).toBeUndefined();
  });

  it("of several replicas at once revoke each key once", async () => {
    const reports = createLeakReportStore(own, outbox);
    const keys = await Promise.all(Array.from({ length: 10 }, newKey));
    await reports.add(
      { name: "reporter", address: "198.51.100.3" },
      keys.map(({ key }) => hashOf(key)),
    );
    const revoked = await Promise.all(Array.from({ length: 4 }, () => reports.revoke(100)));
    const keyIds = revoked.flatMap((one) => one?.keyIds ?? []);
    expect(keyIds.sort()).toEqual(keys.map(({ keyId }) => keyId).sort());
  });
});
