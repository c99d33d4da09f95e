import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { newId, randomBase36 } from "../../platform/ids.ts";
import type { Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { createCodeStore } from "../../services/qr/store/qr-codes.ts";
import { plainStyle } from "../../services/qr/symbols/style.ts";
import { createOwnDatabase, type OwnDatabase } from "../support/own-database.ts";

const _log = createLogger({ service: "test", level: "fatal" });
let own: OwnDatabase;
let sql: Sql;
beforeAll(async () => {
  const { databaseUrl } = inject("cluster");
  // One connection, whose plans are made while the tables are empty and kept.
  own = await createOwnDatabase(databaseUrl, ["qr"], { poolSize: 1 });
  ({ sql } = own);
});
afterAll(() => own?.drop());

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
