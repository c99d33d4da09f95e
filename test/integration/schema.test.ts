import { readFileSync } from "node:fs";
import path from "node:path";
import postgres from "postgres";
import { afterAll, describe, expect, inject, it } from "vitest";
import { root } from "../support/run.ts";

const sql = postgres(inject("cluster").databaseUrl, { max: 1 });
afterAll(() => sql.end());

interface Row {
  table: string;
  key: string;
  spreads: string;
}

const text = readFileSync(path.join(root, "docs/growing.md"), "utf8");
const described: Row[] = [...text.matchAll(/^\| `(\w+\.\w+)` \| ([\w, ]+) \| ([^|]+) \|$/gm)].map(
  ([, table = "", key = "", spreads = ""]) => ({ table, key, spreads }),
);

describe("every table", () => {
  it("has a primary key, which docs/growing.md tells", async () => {
    const there = await sql<{ table: string; key: string | null }[]>`
      select n.nspname || '.' || c.relname as "table",
        (select string_agg(a.attname, ', ' order by p.place)
          from pg_constraint k, unnest(k.conkey) with ordinality as p (attnum, place)
          join pg_attribute a on a.attnum = p.attnum
          where k.conrelid = c.oid and k.contype = 'p' and a.attrelid = c.oid) as key
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('auth', 'quota', 'qr') and c.relkind in ('r', 'p') and not c.relispartition
        and c.relname <> 'schema_migrations'
      order by 1`;
    expect(described.map(({ table, key }) => ({ table, key }))).toEqual([...there]);
  });

  it("that grows with accounts begins its key with an account, or with what is random", () => {
    const orders = /^(?:one (?:row|chain|log)|a row (?:an edge|a day))$/;
    for (const { table, key, spreads } of described.filter((row) => !orders.test(row.spreads))) {
      const first = key.split(", ")[0] as string;
      const expected = {
        account: ["account_id"],
        "random id of one account": ["key_id", "code_id", "project_id", "mail_id"],
        hash: ["key_hash", "token_hash", "subject", "batch_id"],
        "time-ordered id: spread by hash": ["scan_id", "batch_id", "statement_id"],
      }[spreads];
      expect(expected, table).toContain(first);
    }
  });

  it("refers to no table of another service", async () => {
    const across = await sql`
      select r.conname from pg_constraint r
      join pg_class a on a.oid = r.conrelid join pg_class b on b.oid = r.confrelid
      where r.contype = 'f' and a.relnamespace <> b.relnamespace`;
    expect([...across]).toEqual([]);
  });
});
