import { writeCopy } from "../../platform/postgres/copy.ts";
import type { Sql, Tx } from "../../platform/postgres/pool.ts";
import { monthOf } from "../../services/qr/domain/spans.ts";
import { createScanStore } from "../../services/qr/store/scans.ts";
import { type DayOfScans, dayMs, type ScannedCode, scanRows } from "./scans.ts";

/** Approximate number of scans per transaction: enough to make its overhead negligible. */
const scansPerTransaction = 50_000;

/**
 * Writes the scans of days like qr's store: single scans within their retention (`scanDays`), and counts by
 * hour, by day, and by device, country and referrer of all. Each day is in one transaction, so that its counts and its scans
 * agree whenever this is stopped.
 */
export async function writeScans(
  sql: Sql,
  codes: readonly ScannedCode[],
  days: DayOfScans[],
  options: { scanDays: number; nowMs: number; seed: number; progress(added: number): void },
): Promise<void> {
  const { nowMs, seed, progress } = options;
  // The retention job drops whole months that end before this.
  const keptSince = monthOf(nowMs - options.scanDays * dayMs).first;
  for (let month = keptSince; month.getTime() <= nowMs; month = monthOf(month.getTime()).next) {
    await createScanStore(sql).ensureMonth(month, monthOf(month.getTime()).next);
  }
  for (const some of inGroups(days)) {
    await sql.begin(async (tx) => {
      // Generates the rows while the transaction waits.
      await tx`select set_config('idle_in_transaction_session_timeout', '60s', true)`;
      await tx`
        create temporary table seed_scans (scan_id uuid, code_id text, scanned_at timestamptz, device text, country text,
          referrer text, visitor bytea) on commit drop`;
      await writeCopy(tx, "copy seed_scans from stdin", counted(rowsOf(codes, some, { nowMs, seed }), progress));
      await addScans(tx, keptSince);
    });
  }
  await sql`analyze qr.codes, qr.projects, qr.scans, qr.scan_hours, qr.scan_days, qr.scan_dimensions`;
}

/** Groups days that are written together; omits those without scans. */
function* inGroups(days: DayOfScans[]): Generator<DayOfScans[]> {
  let group: DayOfScans[] = [];
  let scans = 0;
  for (const day of days.filter((one) => one.scans > 0)) {
    group.push(day);
    scans += day.scans;
    if (scans < scansPerTransaction) continue;
    yield group;
    group = [];
    scans = 0;
  }
  if (group.length > 0) yield group;
}

function* rowsOf(codes: readonly ScannedCode[], days: DayOfScans[], options: { nowMs: number; seed: number }) {
  for (const day of days) yield* scanRows(codes, day, options);
}

async function* counted(rows: Iterable<string>, progress: (added: number) => void): AsyncGenerator<Buffer> {
  for (const some of rows) {
    yield Buffer.from(some);
    progress(some.split("\n").length - 1);
  }
}

/** Adds the scans in `seed_scans`, of whole days. Tables and keys are written in the order in which qr writes them. */
async function addScans(tx: Tx, keptSince: Date): Promise<void> {
  await tx`
    insert into qr.scans (scan_id, code_id, scanned_at, device, country, referrer, visitor)
    select scan_id, code_id, scanned_at, device, country, referrer, visitor from seed_scans
    where scanned_at >= ${keptSince} order by scan_id`;
  await tx`
    insert into qr.scan_hours as h (code_id, hour, scans)
    select code_id, date_trunc('hour', scanned_at, 'UTC'), count(*) from seed_scans group by 1, 2 order by 1, 2
    on conflict (code_id, hour) do update set scans = h.scans + excluded.scans`;
  await tx`
    insert into qr.scan_visitors (code_id, day, visitor)
    select distinct code_id, (scanned_at at time zone 'UTC')::date, visitor from seed_scans
    where scanned_at >= date_trunc('day', now(), 'UTC') order by 1, 2, 3
    on conflict do nothing`;
  await tx`
    insert into qr.scan_days as d (code_id, day, scans, visitors)
    select code_id, (scanned_at at time zone 'UTC')::date, count(*), count(distinct visitor)
    from seed_scans group by 1, 2 order by 1, 2
    on conflict (code_id, day) do update set
      scans = d.scans + excluded.scans, visitors = d.visitors + excluded.visitors`;
  await tx`
    insert into qr.scan_dimensions as v (code_id, day, dimension, value, scans)
    select code_id, (scanned_at at time zone 'UTC')::date, dimension, value, count(*)
    from seed_scans, lateral (values ('device', device), ('country', country), ('referrer', referrer)) as p (dimension, value)
    group by 1, 2, 3, 4 order by 1, 2, 3, 4
    on conflict (code_id, day, dimension, value) do update set scans = v.scans + excluded.scans`;
}
