import { ServiceError, toServiceError } from "../../../platform/errors.ts";
import { cleanSqlError, cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";

export interface ScanRow {
  scanId: string;
  codeId: string;
  scannedAt: Date;
  device: string;
  country: string;
  referrer: string;
  visitor: Buffer | null;
}

/** Codes whose scans are counted together: one, or all of a project. */
export type Counted = { codeId: string } | { projectId: string };

export interface SpanCount {
  start: Date;
  scans: number;
  visitors: number | null;
}

/** How long things are kept, in days. */
export interface Retention {
  /** Single scans: how late one may be sent again and not be counted twice. */
  scanDays: number;
  /** Counts by hour. */
  hourlyRetentionDays: number;
  /** Counts by day, and by device, country and referrer. */
  dailyRetentionDays: number;
}

/** Values of a dimension that are told apart for one code on one day, about. */
const valuesMax = 200;
/** Rows that one statement deletes at most. */
const deleteRowsMax = 10_000;

export type ScanStore = ReturnType<typeof createScanStore>;

/** A standby, and who is told when it does not answer. */
export interface Standby {
  sql: Sql;
  noteOutage(failure: ServiceError): void;
}

/** Scans and their counts in Postgres. Counts are read from a standby while there is one that answers. */
export function createScanStore(sql: Sql, standby?: Standby) {
  const codesOf = (from: Sql, counted: Counted) =>
    "codeId" in counted
      ? from`(select ${counted.codeId}::text as code_id)`
      : from`(select code_id from qr.codes where project_id = ${counted.projectId})`;

  /**
   * The rows of each code that `ofCode` selects, by `codes.code_id`. The fence (`offset 0`) has Postgres read them by code and
   * day, so that a project costs what it holds: joined freely, it reads all codes' counts of the deployment.
   */
  const rowsOf = (from: Sql, counted: Counted, ofCode: ReturnType<typeof sql>) =>
    from`${codesOf(from, counted)} as codes cross join lateral (${ofCode} offset 0) as counts`;

  const withinDays = (on: Sql, from: Date, to: Date) =>
    on`day >= (${from}::timestamptz at time zone 'UTC')::date and day < (${to}::timestamptz at time zone 'UTC')::date`;

  /** Reads what may be late. */
  async function readLate<T>(read: (from: Sql) => Promise<T>): Promise<T> {
    if (!standby) return read(sql);
    try {
      return await read(standby.sql);
    } catch (error) {
      // What is wrong with the question is wrong at the database too; what the standby lacks as yet is there.
      standby.noteOutage(toServiceError(cleanSqlError(error)));
      return read(sql);
    }
  }

  /** Deletes rows, some at a time, so that no statement takes long; what another replica is deleting is left to it. */
  async function deleteAll(table: string, key: string[], condition: ReturnType<typeof sql>): Promise<void> {
    for (;;) {
      const { count } = await sql`
        delete from ${sql(table)} where (${sql(key)}) in (
          select ${sql(key)} from ${sql(table)} where ${condition} limit ${deleteRowsMax} for update skip locked)`;
      if (count < deleteRowsMax) return;
    }
  }

  return cleanStore({
    /**
     * Stores scans and their counts; those stored before, and those of codes that do not exist, change nothing. The tables
     * are written one after the other, each in the order of its key, so that replicas never wait in a ring.
     */
    async recordScans(scans: ScanRow[]): Promise<number> {
      const column = <K extends keyof ScanRow>(name: K) => scans.map((scan) => scan[name]);
      const [{ recorded }] = await sql<[{ recorded: number }]>`
        with fresh as (
          insert into qr.scans (scan_id, code_id, scanned_at, device, country, referrer, visitor)
          select s.scan_id, s.code_id, s.scanned_at, s.device, s.country, s.referrer, decode(s.visitor, 'hex')
          from unnest(
            ${column("scanId")}::uuid[], ${column("codeId")}::text[],
            ${scans.map((scan) => scan.scannedAt.toISOString())}::timestamptz[], ${column("device")}::text[],
            ${column("country")}::text[], ${column("referrer")}::text[],
            ${scans.map((scan) => scan.visitor?.toString("hex") ?? null)}::text[]
          ) as s (scan_id, code_id, scanned_at, device, country, referrer, visitor)
          join qr.codes c on c.code_id = s.code_id
          order by s.scan_id
          on conflict do nothing
          returning *, (scanned_at at time zone 'UTC')::date as day
        ), hours as (
          insert into qr.scan_hours as h (code_id, hour, scans)
          select code_id, date_trunc('hour', scanned_at, 'UTC'), count(*) from fresh group by 1, 2 order by 1, 2
          on conflict (code_id, hour) do update set scans = h.scans + excluded.scans
          returning 1
        ), seen as (
          insert into qr.scan_visitors (code_id, day, visitor)
          select distinct code_id, day, visitor from fresh, (select count(*) from hours) as after
          -- Of a day that is over nobody knows any more who was there: late scans of it count no visitors.
          where visitor is not null and day >= (now() at time zone 'UTC')::date order by 1, 2, 3
          on conflict do nothing
          returning code_id, day
        ), days as (
          insert into qr.scan_days as d (code_id, day, scans, visitors)
          select code_id, day, sum(scans), sum(visitors)
          from (
            select code_id, day, 1 as scans, 0 as visitors from fresh
            union all select code_id, day, 0, 1 from seen
          ) as counts, (select count(*) from hours) as after
          group by 1, 2 order by 1, 2
          on conflict (code_id, day) do update set
            scans = d.scans + excluded.scans, visitors = d.visitors + excluded.visitors
          returning 1
        ), dimensions as (
          insert into qr.scan_dimensions as v (code_id, day, dimension, value, scans)
          select code_id, day, dimension,
            -- Anyone can make up referrers: beyond so many of a day the rest is one.
            case when exists (
              select 1 from qr.scan_dimensions k
              where (k.code_id, k.day, k.dimension, k.value) = (f.code_id, f.day, p.dimension, p.value)
            ) or (
              select count(*) from qr.scan_dimensions k
              where (k.code_id, k.day, k.dimension) = (f.code_id, f.day, p.dimension)
            ) < ${valuesMax}::int then value else 'other' end as value,
            sum(scans)
          from (
            select code_id, day, device, country, referrer, count(*) as scans
            from fresh, (select count(*) from days) as after group by 1, 2, 3, 4, 5
          ) as f,
            lateral (values ('device', device), ('country', country), ('referrer', referrer)) as p (dimension, value)
          group by 1, 2, 3, 4 order by 1, 2, 3, 4
          on conflict (code_id, day, dimension, value) do update set scans = v.scans + excluded.scans
        )
        select count(*) as recorded from fresh`;
      return recorded;
    },

    /** The day's salt, made of `fresh` if there is none yet. */
    async visitorSalt(date: string, fresh: Buffer): Promise<Buffer> {
      await sql`insert into qr.visitor_salts (day, salt) values (${date}, ${fresh}) on conflict do nothing`;
      const [row] = await sql<{ salt: Buffer }[]>`select salt from qr.visitor_salts where day = ${date}`;
      if (!row) throw new ServiceError("UNAVAILABLE", undefined, { retryAfterS: 1 });
      return row.salt;
    },

    /** Which code or project a caller means. Fails with NOT_FOUND if the account has none such. */
    async findCounted(accountId: string, name: { idOrSlug: string; projectId: string }): Promise<Counted> {
      if (name.idOrSlug !== "") {
        const [code] = await sql<{ codeId: string }[]>`
          select code_id as "codeId" from qr.codes
          where account_id = ${accountId} and (code_id = ${name.idOrSlug} or slug = ${name.idOrSlug})
          order by code_id = ${name.idOrSlug} desc limit 1`;
        if (!code) throw new ServiceError("NOT_FOUND", "There is no such QR code in this account.");
        return code;
      }
      const [project] = await sql<{ projectId: string }[]>`
        select project_id as "projectId" from qr.projects
        where account_id = ${accountId} and project_id = ${name.projectId}`;
      if (!project) throw new ServiceError("NOT_FOUND", "There is no such project in this account.");
      return project;
    },

    /** Counts by UTC hour from one hour to before another, those with scans. */
    async countHours(counted: Counted, from: Date, to: Date): Promise<SpanCount[]> {
      return readLate(
        (late) => late<SpanCount[]>`
        select hour as start, sum(scans)::bigint as scans, null as visitors
        from ${rowsOf(
          late,
          counted,
          late`select hour, scans from qr.scan_hours h
            where h.code_id = codes.code_id and hour >= ${from} and hour < ${to}`,
        )} group by hour order by hour`,
      );
    },

    /** Counts by UTC day from one day to before another, those with scans. */
    async countDays(counted: Counted, from: Date, to: Date): Promise<SpanCount[]> {
      return readLate(
        (late) => late<SpanCount[]>`
        select day::timestamp at time zone 'UTC' as start, sum(scans)::bigint as scans, sum(visitors)::bigint as visitors
        from ${rowsOf(
          late,
          counted,
          late`select day, scans, visitors from qr.scan_days d
            where d.code_id = codes.code_id and ${withinDays(late, from, to)}`,
        )} group by day order by day`,
      );
    },

    /** Scans by the values of a dimension from one UTC day to before another, the most frequent first. */
    async countValues(
      counted: Counted,
      dimension: string,
      from: Date,
      to: Date,
    ): Promise<{ value: string; scans: number }[]> {
      return readLate(
        (late) => late<{ value: string; scans: number }[]>`
        select value, sum(scans)::bigint as scans
        from ${rowsOf(
          late,
          counted,
          late`select value, scans from qr.scan_dimensions v
            where v.code_id = codes.code_id and dimension = ${dimension} and ${withinDays(late, from, to)}`,
        )} group by value order by 2 desc, 1`,
      );
    },

    /** Makes the partition of a month, given by its first day, unless it is there. */
    async ensureMonth(first: Date, next: Date): Promise<void> {
      const name = `scans_${first.toISOString().slice(0, 7).replace("-", "_")}`;
      const [{ there }] = await sql<[{ there: boolean }]>`select to_regclass(${`qr.${name}`}) is not null as there`;
      if (there) return;
      const [{ before }] = await sql<[{ before: boolean }]>`
        select exists (select 1 from qr.scans_other where scanned_at >= ${first} and scanned_at < ${next}) as before`;
      // Scans of this month are in the other table already, and stay there.
      if (before) return;
      const range = `for values from ('${first.toISOString()}') to ('${next.toISOString()}')`;
      await sql.unsafe(`create table if not exists qr.${name} partition of qr.scans ${range}`);
    },

    /** Removes what is over its time. */
    async deleteExpiredScans({ scanDays, hourlyRetentionDays, dailyRetentionDays }: Retention): Promise<void> {
      const months = await sql<{ name: string; ends: Date }[]>`
        select c.relname as name,
          ((to_date(substr(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC') as ends
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'qr.scans'::regclass and c.relname ~ '^scans_[0-9]{4}_[0-9]{2}$'`;
      const cutoff = Date.now() - scanDays * 86_400_000;
      for (const { name, ends } of months) {
        if (ends.getTime() < cutoff) await sql`drop table if exists ${sql(`qr.${name}`)}`;
      }
      await deleteAll(
        "qr.scans_other",
        ["scan_id", "scanned_at"],
        sql`scanned_at < now() - ${scanDays} * interval '1 day'`,
      );
      await deleteAll(
        "qr.scan_hours",
        ["code_id", "hour"],
        sql`hour < now() - ${hourlyRetentionDays} * interval '1 day'`,
      );
      await deleteAll(
        "qr.scan_days",
        ["code_id", "day"],
        sql`day < (now() at time zone 'UTC')::date - ${dailyRetentionDays}::int`,
      );
      await deleteAll(
        "qr.scan_dimensions",
        ["code_id", "day", "dimension", "value"],
        sql`day < (now() at time zone 'UTC')::date - ${dailyRetentionDays}::int`,
      );
    },

    /** Destroys the salts of days that are over, and with them what they were for. */
    async destroySalts(): Promise<void> {
      await sql`delete from qr.visitor_salts where day < (now() at time zone 'UTC')::date`;
      await deleteAll("qr.scan_visitors", ["code_id", "day", "visitor"], sql`day < (now() at time zone 'UTC')::date`);
    },
  });
}
