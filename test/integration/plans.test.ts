import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { migrationsOf } from "../../cli/migrate.ts";
import { newId, randomBase36 } from "../../platform/ids.ts";
import { migrate } from "../../platform/postgres/migrations.ts";
import { openPool, type Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { createCodeStore } from "../../services/qr/store/qr-codes.ts";
import { plainStyle } from "../../services/qr/symbols/style.ts";
import { createDatabase, openTestPool } from "../support/filled.ts";

const log = createLogger({ service: "test", level: "fatal" });
let sql: Sql;
beforeAll(async () => {
  const { databaseUrl } = inject("cluster");
  const server = openTestPool(databaseUrl);
  const own = await createDatabase(server, databaseUrl);
  await server.end({ timeout: 2 });
  const options = { databasePassword: "", statementTimeoutMs: 10_000, schema: "qr", log };
  // One connection, whose plans are made while the tables are empty and kept.
  sql = openPool({ ...options, databaseUrl: own, databasePoolSize: 1 });
  await sql.begin((tx) => migrate(tx, "qr", migrationsOf("qr"), log));
});
afterAll(() => sql?.end({ timeout: 2 }));

/** Returns how often the whole table of codes was read. */
async function wholeReads(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`;
  const [row] = await sql<[{ reads: number }]>`
    select seq_scan as reads from pg_stat_user_tables where relid = 'qr.codes'::regclass`;
  return row.reads;
}

it("creating codes and resolving slugs never read the whole table, also on connections from when it was empty", async () => {
  const [accountId, projectId] = [newId(), newId()];
  await sql`
    insert into qr.projects (project_id, account_id, name, is_default, created_via)
    values (${projectId}, ${accountId}, 'p', true, 'api')`;
  const store = createCodeStore(sql);
  const code = () => ({
    ...{ codeId: newId(), accountId, projectId, name: "n", slug: `p-${randomBase36(12)}` },
    ...{ redirectUrl: "https://example.com/", ...plainStyle },
  });
  const before = await wholeReads();
  for (let round = 0; round < 8; round++) {
    const codes = Array.from({ length: 1 + 50 * (round % 2) }, code);
    await store.create({ accountId, codes, activeMax: 0 }, undefined, () => new Uint8Array());
    expect(await store.resolveSlugs(codes.map(({ slug }) => slug))).toHaveLength(codes.length);
  }
  expect((await wholeReads()) - before).toBe(0);
});
