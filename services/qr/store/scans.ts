import { deleteSome } from "../../../platform/postgres/delete-some.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";
import { batchIdOf, type ScanRow } from "../domain/scan-batch.ts";

/** How long scans and counts are stored, in days. */
export interface Retention {
  /** Single scans: how late a scan may be sent again without being counted twice. */
  scanDays: number;
  /** Counts by hour. */
  hourlyRetentionDays: number;
  /** Counts by day, and by device, country and referrer. */
  dailyRetentionDays: number;
}

/** Approximate number of values of a dimension that are counted apart for one code on one day. */
const valuesMax = 200;
/** Days for which a batch that was counted is recognised when it comes again. */
const batchDays = 3;

export type ScanStore = ReturnType<typeof createScanStore>;

/** Deletes all rows that meet a condition, some at a time. */
export async function deleteInBatches(...of: Parameters<typeof deleteSome>): Promise<void> {
  while (await deleteSome(...of));
}

/**
 * Scans in Postgres, and the counts that are written with them. About `rowsPerHourMax` single scans of a code are stored for
 * each hour, and 24 times as many visitors for each day; further ones only count.
 */
export function createScanStore(sql: Sql, { rowsPerHourMax = Number.POSITIVE_INFINITY } = {}) {
  return cleanStore({
    /**
     * Stores a batch of scans and their counts, and returns how many were new. A batch or a scan that was stored before, and
     * scans of codes that do not exist, change nothing. The tables are written one after the other, each in the order of its
     * key, so that replicas cannot deadlock.
     */
    async record(batch: ScanRow[]): Promise<number> {
      const scans = [...new Map(batch.map((scan) => [scan.scanId.toLowerCase(), scan])).values()];
      const column = <K extends keyof ScanRow>(name: K) => scans.map((scan) => scan[name]);
      const [{ recorded }] = await sql<[{ recorded: number }]>`
        with marked as (
          -- Waits for another statement that counts the same batch, and then counts nothing.
          insert into qr.scan_batches (batch_id) values (${batchIdOf(batch)}::uuid) on conflict do nothing returning 1
        ), placed as (
          select s.scan_id, s.code_id, s.scanned_at, s.device, s.country, s.referrer, decode(s.visitor, 'hex') as visitor,
            coalesce(h.scans, 0) + row_number() over (
              partition by s.code_id, date_trunc('hour', s.scanned_at, 'UTC') order by s.scan_id) as place
          from unnest(
            ${column("scanId")}::uuid[], ${column("codeId")}::text[],
            ${scans.map((scan) => scan.scannedAt.toISOString())}::timestamptz[], ${column("device")}::text[],
            ${column("country")}::text[], ${column("referrer")}::text[],
            ${scans.map((scan) => scan.visitor?.toString("hex") ?? null)}::text[]
          ) as s (scan_id, code_id, scanned_at, device, country, referrer, visitor)
          join qr.codes c on c.code_id = s.code_id
          left join qr.scan_hours h on h.code_id = s.code_id and h.hour = date_trunc('hour', s.scanned_at, 'UTC')
          where exists (select from marked)
        ), kept as (
          insert into qr.scans (scan_id, code_id, scanned_at, device, country, referrer, visitor)
          select scan_id, code_id, scanned_at, device, country, referrer, visitor
          from placed where place <= ${rowsPerHourMax}::float8 order by scan_id
          on conflict do nothing
          returning *
        ), fresh as (
          select code_id, scanned_at, device, country, referrer, visitor, (scanned_at at time zone 'UTC')::date as day
          from (
            select code_id, scanned_at, device, country, referrer, visitor from kept
            union all
            select code_id, scanned_at, device, country, referrer, visitor from placed p
            where place > ${rowsPerHourMax}::float8 and not exists (
              select from qr.scans k where (k.scan_id, k.scanned_at) = (p.scan_id, p.scanned_at))
          ) as counted
        ), hours as (
          insert into qr.scan_hours as h (code_id, hour, scans)
          select code_id, date_trunc('hour', scanned_at, 'UTC'), count(*) from fresh group by 1, 2 order by 1, 2
          on conflict (code_id, hour) do update set scans = h.scans + excluded.scans
          returning 1
        ), seen as (
          insert into qr.scan_visitors (code_id, day, visitor)
          select distinct f.code_id, f.day, visitor
          from (select count(*) from hours) as after, fresh f left join qr.scan_days d using (code_id, day)
          -- The visitors of a day that is over are deleted: late scans of it count none.
          where visitor is not null and f.day >= (now() at time zone 'UTC')::date
            and coalesce(d.visitors, 0) < 24 * ${rowsPerHourMax}::float8
          order by 1, 2, 3
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
            -- Anybody can invent referrers: beyond so many values a day, the others count as one.
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

    /** Creates the partition of a month, given by its first day and the next one's, unless it exists. */
    async ensureMonth(first: Date, next: Date): Promise<void> {
      const name = `scans_${first.toISOString().slice(0, 7).replace("-", "_")}`;
      const [{ there }] = await sql<[{ there: boolean }]>`select to_regclass(${`qr.${name}`}) is not null as there`;
      if (there) return;
      const [{ before }] = await sql<[{ before: boolean }]>`
        select exists (select 1 from qr.scans_other where scanned_at >= ${first} and scanned_at < ${next}) as before`;
      // Scans of this month are in the other table already, and stay there.
      if (before) return;
      await sql`select qr.create_scan_month(${first.toISOString().slice(0, 10)})`;
    },

    /** Deletes scans and counts that are older than they are stored. */
    async deleteExpired({ scanDays, hourlyRetentionDays, dailyRetentionDays }: Retention): Promise<void> {
      // By the database's clock, like all other rows: a wrong clock of one replica must not drop a month.
      const months = await sql<{ first: string }[]>`
        select to_char(to_date(substr(c.relname, 7), 'YYYY_MM'), 'YYYY-MM-DD') as first from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'qr.scans'::regclass and c.relname ~ '^scans_[0-9]{4}_[0-9]{2}$'
          and ((to_date(substr(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC')
            < now() - ${scanDays} * interval '1 day'`;
      for (const { first } of months) await sql`select qr.drop_scan_month(${first})`;
      await deleteInBatches(
        sql,
        "qr.scans_other",
        ["scan_id", "scanned_at"],
        sql`scanned_at < now() - ${scanDays} * interval '1 day'`,
      );
      await deleteInBatches(
        sql,
        "qr.scan_batches",
        ["batch_id"],
        sql`counted_at < now() - ${batchDays} * interval '1 day'`,
      );
      await deleteInBatches(
        sql,
        "qr.scan_hours",
        ["code_id", "hour"],
        sql`hour < now() - ${hourlyRetentionDays} * interval '1 day'`,
      );
      await deleteInBatches(
        sql,
        "qr.scan_days",
        ["code_id", "day"],
        sql`day < (now() at time zone 'UTC')::date - ${dailyRetentionDays}::int`,
      );
      await deleteInBatches(
        sql,
        "qr.scan_dimensions",
        ["code_id", "day", "dimension", "value"],
        sql`day < (now() at time zone 'UTC')::date - ${dailyRetentionDays}::int`,
      );
    },
  });
}
