import { randomBytes } from "node:crypto";
import { migrationsOf, schemas } from "../../cli/migrate.ts";
import { migrate } from "../../platform/postgres/migrations.ts";
import { openPool, type Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";

/** How much a database is filled with. */
export interface Fill {
  codes: number;
  scans: number;
  logos: number;
  /** Kept answers to requests with an `Idempotency-Key`. */
  answers: number;
}

/**
 * Fills a migrated database with rows of the sizes that a deployment has, straight by SQL: codes with names in several scripts
 * and characters that text formats escape, logos of 200 kB, scans of the last year with what is counted of them.
 */
export async function fillDatabase(sql: Sql, fill: Fill): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local statement_timeout = 0`;
    await tx`set local idle_in_transaction_session_timeout = 0`;
    await tx`
      insert into auth.accounts (account_id, email, plan, per_minute, per_day)
      values ('filled', 'filled@qrforge.example', 'enterprise', 0, 0)`;
    await tx`
      insert into qr.projects (project_id, account_id, name, is_default, created_via)
      values ('filled', 'filled', 'Default', true, 'api')`;
    // 200 kB that no compression makes smaller, as pictures are.
    await tx`
      insert into qr.logos (account_id, logo_id, png, width, height)
      select 'filled', md5(n::text), decode(string_agg(md5(n || ' ' || part), ''), 'hex'), 512, 512
      from generate_series(1, ${fill.logos}::int) n, generate_series(1, 12500) part group by n`;
    await tx`
      insert into qr.codes (code_id, account_id, project_id, name, slug, redirect_url, foreground, background, logo_id,
        created_at)
      select md5('code' || n), 'filled', 'filled',
        (array['Menu', 'Speisekarte für draußen', '菜单', 'قائمة', E'tab\there', E'line\nbreak', E'back\\slash', E'\\.', '🎉'])
          [1 + n % 9] || ' ' || n,
        'filled-' || n, 'https://example.com/' || repeat('path/', n % 40) || n, '#000000', '#ffffff',
        case when n % 10 = 0 then md5((1 + n % greatest(${fill.logos}::int, 1))::text) else '' end,
        now() - n * interval '1 minute'
      from generate_series(1, ${fill.codes}::int) n`;
    for (let month = 0; month <= 12; month++) {
      const [{ statement }] = await tx<[{ statement: string }]>`
        select format('create table if not exists qr.%I partition of qr.scans for values from (%L) to (%L)',
          'scans_' || to_char(first, 'YYYY_MM'), first, first + interval '1 month') as statement
        from (select date_trunc('month', now(), 'UTC') - ${month} * interval '1 month' as first) m`;
      await tx.unsafe(statement);
    }
    await tx`
      insert into qr.scans (scan_id, code_id, scanned_at, device, country, referrer, visitor)
      select md5('scan' || n)::uuid, md5('code' || (1 + n % ${fill.codes}::int)), now() - random() * interval '360 days',
        (array['phone', 'tablet', 'desktop', 'unknown'])[1 + n % 4], (array['DE', 'FR', 'JP', 'unknown'])[1 + n / 7 % 4],
        (array['direct', 'example.com', 'news.example'])[1 + n / 3 % 3],
        case when n % 5 > 0 then decode(substr(md5('visitor' || n % 100000), 1, 16), 'hex') end
      from generate_series(1, ${fill.scans}::int) n`;
    await tx`
      insert into qr.scan_hours (code_id, hour, scans)
      select code_id, date_trunc('hour', scanned_at), count(*) from qr.scans
      where scanned_at > now() - interval '30 days' group by 1, 2`;
    await tx`
      insert into qr.scan_days (code_id, day, scans)
      select code_id, (scanned_at at time zone 'UTC')::date, count(*) from qr.scans group by 1, 2`;
    // The size of an answer to a batch.
    await tx`
      insert into qr.idempotency_keys (account_id, key, request_hash, answer)
      select 'filled', 'key-' || n, decode(md5(n::text), 'hex'), convert_to(repeat(md5('answer' || n), 150), 'UTF8')
      from generate_series(1, ${fill.answers}::int) n`;
  });
}

const log = createLogger({ service: "test", level: "error" });

/** Connects to a database. */
export function openTestPool(databaseUrl: string): Sql {
  return openPool({
    databaseUrl,
    databasePassword: "",
    databasePoolSize: 2,
    statementTimeoutMs: 0,
    schema: "test",
    log,
  });
}

/** Makes an empty database on a server. Returns its URL. */
export async function createDatabase(server: Sql, databaseUrl: string): Promise<string> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await server`create database ${server(name)}`;
  return Object.assign(new URL(databaseUrl), { pathname: `/${name}` }).href;
}

/** Makes a database with all tables and these rows on a server. Returns its URL. */
export async function createFilledDatabase(server: Sql, databaseUrl: string, fill: Fill): Promise<string> {
  const url = await createDatabase(server, databaseUrl);
  const sql = openTestPool(url);
  try {
    for (const schema of schemas) await sql.begin((tx) => migrate(tx, schema, migrationsOf(schema), log));
    await fillDatabase(sql, fill);
  } finally {
    await sql.end({ timeout: 2 });
  }
  return url;
}

/** What a restore makes anew. */
const madeAnew = new Set(["auth.lease_head", "qr.lease_head"]);

/** The rows of each table and a sum of their texts' hashes. */
export async function sumTables(databaseUrl: string): Promise<Record<string, string>> {
  const sql = openTestPool(databaseUrl);
  try {
    const tables = await sql<{ name: string }[]>`
      select schemaname || '.' || tablename as name from pg_tables
      where schemaname = any(${[...schemas]}) and tablename <> 'schema_migrations' order by 1`;
    const sums: Record<string, string> = {};
    for (const { name } of tables.filter((table) => !madeAnew.has(table.name))) {
      const [{ sum }] = await sql<[{ sum: string }]>`
        select count(*) || ' rows ' || coalesce(sum(hashtextextended(t::text, 0)), 0) as sum from ${sql(name)} t`;
      sums[name] = sum;
    }
    return sums;
  } finally {
    await sql.end({ timeout: 2 });
  }
}
