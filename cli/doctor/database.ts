import { compareMigrations } from "../../platform/postgres/migrations.ts";
import { openPool, type Sql } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { migrationsOf, schemas } from "../migrate.ts";
import { type Finding, good, judgeClock, warn, wrong } from "./finding.ts";
import { checkRoles } from "./roles.ts";

const area = "database";
const versionMin = 16;
const statementTimeoutMs = 5_000;
/** Replication lag of a standby that causes a warning, in seconds. */
const lagMaxS = 10;

/** Checks the database, its schemas, roles, standbys and leases. */
export async function checkDatabase(options: { databaseUrl: string; databasePassword: string }): Promise<Finding[]> {
  const log = createLogger({ service: "doctor", level: "error" });
  const sql = openPool({ ...options, databasePoolSize: 1, statementTimeoutMs, schema: "doctor", log });
  try {
    return [
      ...(await checkServer(sql)),
      ...(await checkClock(sql)),
      ...(await checkStandbys(sql)),
      ...(await checkSchemas(sql)),
      ...(await checkRoles(sql)),
      ...(await checkLeases(sql)),
    ];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function checkServer(sql: Sql): Promise<Finding[]> {
  const [server] = await sql<[Record<string, string>]>`
    select current_setting('server_version_num')::int / 10000 as major, current_setting('server_version') as version,
      pg_is_in_recovery() as standby, current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
      current_setting('full_page_writes') as pages, current_setting('synchronous_commit') as commit,
      current_setting('max_connections')::int as max, (select count(*)::int from pg_stat_activity) as used,
      (select count(*)::int from pg_stat_activity
        where state = 'idle in transaction' and state_change < now() - interval '10 seconds') as idle`;
  const found: Finding[] = [];
  if (Number(server.major) < versionMin) {
    found.push(wrong(area, `Postgres ${server.version}`, `Upgrade to Postgres ${versionMin} or newer.`));
  }
  if (server.standby) {
    found.push(
      wrong(
        area,
        "it is a standby, and takes no changes",
        "Name all hosts in DATABASE_URL, with ?target_session_attrs=read-write.",
      ),
    );
  }
  if (server.encoding !== "UTF8") {
    found.push(
      wrong(area, `its encoding is ${server.encoding}`, "Make the database with encoding UTF8: names are Unicode."),
    );
  }
  for (const [setting, value] of [
    ["fsync", server.fsync],
    ["full_page_writes", server.pages],
    ["synchronous_commit", server.commit],
  ]) {
    if (value === "off") {
      found.push(
        wrong(
          area,
          `${setting} is off`,
          "Turn it on: what was answered would be lost in a crash, and limits and revocations with it.",
        ),
      );
    }
  }
  const [used, max] = [Number(server.used), Number(server.max)];
  if (used > 0.8 * max) {
    found.push(
      warn(
        area,
        `${used} of ${max} connections are in use`,
        "Raise max_connections, or lower DATABASE_POOL_SIZE or the replicas.",
      ),
    );
  }
  if (Number(server.idle) > 0) {
    found.push(
      warn(
        area,
        `${server.idle} transactions have done nothing for ten seconds`,
        "See who they are in pg_stat_activity; they hold up cleaning.",
      ),
    );
  }
  return found.length > 0
    ? found
    : [good(area, `Postgres ${server.version}, durable, ${used} of ${max} connections in use`)];
}

async function checkClock(sql: Sql): Promise<Finding[]> {
  const before = Date.now();
  const [{ now }] = await sql<[{ now: string }]>`select extract(epoch from clock_timestamp()) * 1000 as now`;
  const errorMs = (Date.now() - before) / 2;
  return [judgeClock("the database", Number(now) - before - errorMs, errorMs)];
}

async function checkStandbys(sql: Sql): Promise<Finding[]> {
  const rows = await sql<{ name: string; state: string; lag: string | null; waitedFor: boolean }[]>`
    select application_name as name, state, extract(epoch from replay_lag) as lag,
      current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') not in ('off', 'local')
        and coalesce(sync_state in ('sync', 'quorum'), true) as "waitedFor"
    from pg_stat_replication`;
  const found = rows.map(({ name, state, lag }) => {
    const seconds = Number(lag ?? 0);
    // Returns no finding if the user lacks the permission to read it.
    if (state === null) return good("standbys", `${name} is there`);
    if (state === "streaming" && seconds <= lagMaxS)
      return good("standbys", `${name} is ${seconds.toFixed(1)} s behind`);
    const text = `${name} is in state ${state}, ${seconds.toFixed(1)} s behind`;
    return warn(
      "standbys",
      text,
      "Until it has caught up, analytics read from it are late, and a failover loses what it lacks.",
    );
  });
  if (rows.length > 0 && !rows.some(({ waitedFor }) => waitedFor)) {
    found.push(
      warn(
        "standbys",
        "no standby is synchronous",
        "A failover loses the last commits, and revoked keys can work again. Set synchronous_standby_names (and leave " +
          "synchronous_commit on) if one of them is to take over.",
      ),
    );
  }
  return found;
}

async function checkSchemas(sql: Sql): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const schema of schemas) {
    const { missing, unknown } = await compareMigrations(sql, schema, migrationsOf(schema));
    if (missing.length > 0) {
      found.push(wrong("schema", `${schema} lacks ${missing.join(", ")}`, "Run node cli/migrate.ts of this version."));
    } else if (unknown.length > 0) {
      const text = `${schema} has ${unknown.join(", ")}, of a newer version than this`;
      found.push(warn("schema", text, "Fine while an upgrade is under way or after it was rolled back; else upgrade."));
    } else found.push(good("schema", `${schema} is up to date`));
  }
  return found;
}

async function checkLeases(sql: Sql): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const schema of ["auth", "qr"]) {
    const table = `${schema}.lease_holders`;
    const [{ there }] = await sql<[{ there: boolean }]>`select to_regclass(${table}) is not null as there`;
    if (!there) continue;
    const [{ live, behind, entries }] = await sql<[{ live: number; behind: number; entries: number }]>`
      select count(*) filter (where renewed_at > now() - lease_ms * interval '1 millisecond')::int as live,
        count(*) filter (where renewed_at > now() - lease_ms * interval '1 millisecond'
          and applied < (select position from ${sql(`${schema}.lease_head`)}))::int as behind,
        (select count(*)::int from ${sql(`${schema}.lease_log`)}) as entries
      from ${sql(table)}`;
    const what = schema === "auth" ? "keys" : "slugs";
    if (live === 0) {
      found.push(
        wrong(
          "leases",
          `no edge holds a lease on ${what}`,
          `Look whether edges run, and whether they reach ${schema}.`,
        ),
      );
    } else if (entries > 100_000) {
      found.push(
        warn("leases", `the log of ${what} has ${entries} entries`, `It is trimmed by ${schema}; look at its logs.`),
      );
    } else {
      const also = behind > 0 ? `, ${behind} of them about to apply the last change` : "";
      found.push(good("leases", `${live} edge${live === 1 ? "" : "s"} on ${what}${also}`));
    }
  }
  return found;
}
