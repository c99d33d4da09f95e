import { ServiceError, toServiceError } from "../../../platform/errors.ts";
import { cleanSqlError, cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";

/** Codes whose scans are counted together: one, or all of a project. */
export type Counted = { codeId: string } | { projectId: string };

export interface SpanCount {
  start: Date;
  scans: number;
  visitors: number | null;
}

export type ScanCountStore = ReturnType<typeof createScanCountStore>;

/** A standby, and what to call when it does not answer. */
export interface Standby {
  sql: Sql;
  noteOutage(failure: ServiceError): void;
}

/** Counts of scans in Postgres. They are read from a standby while there is one that answers. */
export function createScanCountStore(sql: Sql, standby?: Standby) {
  const codesOf = (from: Sql, counted: Counted) =>
    "codeId" in counted
      ? from`(select ${counted.codeId}::text as code_id)`
      : from`(select code_id from qr.codes where project_id = ${counted.projectId})`;

  /**
   * Selects the rows of each code that `ofCode` selects by `codes.code_id`. The fence (`offset 0`) makes Postgres read them by
   * code and day, so that a project costs what it holds: without it, the join reads the counts of every code there is.
   */
  const rowsOf = (from: Sql, counted: Counted, ofCode: ReturnType<typeof sql>) =>
    from`${codesOf(from, counted)} as codes cross join lateral (${ofCode} offset 0) as counts`;

  const withinDays = (on: Sql, from: Date, to: Date) =>
    on`day >= (${from}::timestamptz at time zone 'UTC')::date and day < (${to}::timestamptz at time zone 'UTC')::date`;

  /** Runs a query that may see data of some moments ago, on the standby if it answers. */
  async function readLate<T>(read: (from: Sql) => Promise<T>): Promise<T> {
    if (!standby) return read(sql);
    try {
      return await read(standby.sql);
    } catch (error) {
      // An error of the query itself comes again from the database; what the standby lacks so far is there.
      standby.noteOutage(toServiceError(cleanSqlError(error)));
      return read(sql);
    }
  }

  return cleanStore({
    /** Returns the code or project that a caller names. Throws NOT_FOUND if the account has none. */
    async find(accountId: string, name: { idOrSlug: string; projectId: string }): Promise<Counted> {
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

    /** Returns the counts of the UTC hours from `from` to before `to` that have scans. */
    async byHour(counted: Counted, from: Date, to: Date): Promise<SpanCount[]> {
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

    /** Returns the counts of the UTC days from `from` to before `to` that have scans. */
    async byDay(counted: Counted, from: Date, to: Date): Promise<SpanCount[]> {
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

    /** Returns the scans by value of a dimension, of the UTC days from `from` to before `to`, the most frequent first. */
    async byValue(
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
  });
}
