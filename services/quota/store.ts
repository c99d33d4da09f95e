import { cleanStore, type Sql } from "../../platform/sql.ts";
import type { Run, RunOutcome } from "./window.ts";

/** The outcome of a run, the numbers of the windows it was charged to, and the database's time in ms. */
export interface WindowRow extends RunOutcome {
  minute: number;
  day: number;
  nowMs: number;
}

export type Store = ReturnType<typeof createStore>;

/**
 * Windows in Postgres. The database's clock decides; `time` is an SQL expression in its place, for those who want to see
 * what another time would do.
 */
export function createStore(sql: Sql, time = sql`now()`) {
  return cleanStore({
    /**
     * Charges runs of different accounts, in one durable statement, and answers in their order.
     *
     * Rows are locked in the order of account ids, so statements of replicas wait for one another and never in a ring.
     * A statement that waited uses the time at which it began, or the row's windows if those are later.
     */
    async charge(runs: Run[]): Promise<WindowRow[]> {
      // What stands in the row before: its counts, or 0 if its window is over.
      const minuteBefore = sql`case when w.minute >= excluded.minute then w.minute_used else 0 end`;
      const dayBefore = sql`case when w.day >= excluded.day then w.day_used else 0 end`;
      const admitted = sql`least(
        excluded.asked,
        case when excluded.per_minute = 0 then excluded.asked
          else greatest(excluded.per_minute - ${minuteBefore}, 0) / excluded.cost end,
        case when excluded.per_day = 0 then excluded.asked
          else greatest(excluded.per_day - ${dayBefore}, 0) / excluded.cost end)`;
      const rows = await sql<(WindowRow & { accountId: string })[]>`
        insert into quota.windows as w
          (account_id, minute, minute_used, day, day_used, cost, asked, per_minute, per_day, admitted)
        select account_id, minute, fresh * cost, day, fresh * cost, cost, asked, per_minute, per_day, fresh
        from (
          select *,
            floor(extract(epoch from ${time}) / 60)::bigint as minute,
            floor(extract(epoch from ${time}) / 86400)::bigint as day,
            least(
              asked,
              case when per_minute = 0 then asked else per_minute / cost end,
              case when per_day = 0 then asked else per_day / cost end) as fresh
          from unnest(
            ${runs.map((run) => run.accountId)}::text[], ${runs.map((run) => run.cost)}::bigint[],
            ${runs.map((run) => run.asked)}::bigint[], ${runs.map((run) => run.limits.perMinute)}::bigint[],
            ${runs.map((run) => run.limits.perDay)}::bigint[]
          ) as ask (account_id, cost, asked, per_minute, per_day)
          order by account_id
        ) as asks
        on conflict (account_id) do update set
          minute = greatest(w.minute, excluded.minute),
          minute_used = ${minuteBefore} + ${admitted} * excluded.cost,
          day = greatest(w.day, excluded.day),
          day_used = ${dayBefore} + ${admitted} * excluded.cost,
          cost = excluded.cost, asked = excluded.asked,
          per_minute = excluded.per_minute, per_day = excluded.per_day,
          admitted = ${admitted}
        returning account_id as "accountId", minute, minute_used as "minuteUsed", day, day_used as "dayUsed", admitted,
          floor(extract(epoch from ${time}) * 1000)::bigint as "nowMs"`;
      const byAccount = new Map(rows.map((row) => [row.accountId, row]));
      return runs.map((run) => byAccount.get(run.accountId) as WindowRow);
    },

    /** The windows of an account as they are now. */
    async read(accountId: string): Promise<WindowRow> {
      const [row] = await sql<[WindowRow]>`
        select 0 as admitted, greatest(t.minute, w.minute) as minute, greatest(t.day, w.day) as day,
          case when w.minute >= t.minute then w.minute_used else 0 end as "minuteUsed",
          case when w.day >= t.day then w.day_used else 0 end as "dayUsed",
          floor(extract(epoch from ${time}) * 1000)::bigint as "nowMs"
        from (
          select floor(extract(epoch from ${time}) / 60)::bigint as minute,
            floor(extract(epoch from ${time}) / 86400)::bigint as day
        ) as t
        left join quota.windows w on w.account_id = ${accountId}`;
      return row;
    },
  });
}
