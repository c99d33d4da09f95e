import type { PendingQuery, Row } from "postgres";
import { aheadMinutesMax } from "../../../contracts/quota-rule.ts";
import { itemAt } from "../../../platform/item-at.ts";
import { deleteSome } from "../../../platform/postgres/delete-some.ts";
import { cleanStore, violates } from "../../../platform/postgres/errors.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Charged, FoundBatch, Refund, Share, WindowRow } from "../domain/batch.ts";
import type { Charge } from "../domain/window.ts";
import { giveBack } from "./refunds.ts";

/** Answer to store: its id, its batches, and how long it is stored. */
export interface Keep {
  statementId: string;
  /** Batches, each with a share for each of its subjects, in the order of first appearance. */
  batches: { batchId: string; requestsCrc: number; shares: Share[] }[];
  keepMs: number;
}

/** Usage of a key on a day; the day is counted from the Unix epoch. */
export interface KeyDay {
  subject: string;
  day: number;
  keyId: string;
  admitted: number;
  refused: number;
}

const keepNothing: Keep = { statementId: "00000000-0000-0000-0000-000000000000", batches: [], keepMs: 0 };

export type Store = ReturnType<typeof createStore>;

/**
 * Stores windows in Postgres. Uses the database's clock; `time` is an SQL expression that replaces it, for tests with
 * another time. The columns `account_id` hold subjects: an account's id for its API, another text for its dashboard.
 *
 * Statements lock rows of windows in the order of subjects before they write elsewhere, so that replicas never
 * deadlock. The lock on a subject's windows also protects the rows of its days.
 */
export function createStore(sql: Sql, time = sql`now()`) {
  const minuteNow = sql`floor(extract(epoch from ${time}) / 60)::bigint`;
  const dayNow = sql`floor(extract(epoch from ${time}) / 86400)::bigint`;
  const msNow = sql`floor(extract(epoch from ${time}) * 1000)::bigint`;
  /** Whether a row's windows are charged at a time: `chargedWindows` of the rule. */
  const isMinute = (now: PendingQuery<Row[]>) => sql`w.minute between ${now} and ${now} + ${aheadMinutesMax}::int`;
  const isDay = (day: PendingQuery<Row[]>, minute: PendingQuery<Row[]>) =>
    sql`w.day between ${day} and (${minute} + ${aheadMinutesMax}::int) / 1440`;
  const isMinuteCharged = isMinute(sql`excluded.minute`);
  const isDayCharged = isDay(sql`excluded.day`, sql`excluded.minute`);
  /** Starts a new day in a row whose day is over, and stores the old day's total. */
  const turnDay = sql`
    prev_day = case when w.day < excluded.day then w.day else w.prev_day end,
    prev_day_used = case when w.day < excluded.day then w.day_used else w.prev_day_used end`;

  async function selectBatches(on: Sql | Tx, ids: string[], locking = sql``) {
    type Row = Omit<FoundBatch, "shares" | "answer"> & {
      statementId: string | null;
      layout: string;
      refunded: number[];
      outcomes: string | null;
      nowMs: number;
    };
    const rows = await on<Row[]>`
      select batch_id as "batchId", coalesce(requests_crc, 0) as "requestsCrc", b.statement_id as "statementId",
        coalesce(layout, '') as layout, coalesce(refunded, '{}') as refunded, outcomes, decided_ms as "nowMs"
      from quota.batches b left join quota.statements using (statement_id)
      where batch_id = any(${ids}::uuid[]) ${locking}`;
    return rows.map(({ batchId, requestsCrc, statementId, layout, refunded, outcomes, nowMs }) => {
      const gone = statementId === null ? ("settled" as const) : ("forgotten" as const);
      const answer: FoundBatch["answer"] = outcomes === null ? gone : { rows: readOutcomes(outcomes), nowMs };
      return { batchId, requestsCrc, shares: readShares(layout), refunded, answer };
    });
  }

  return cleanStore({
    /**
     * Applies charges durably, in one statement: one per subject, in the order of subjects. Returns a row for each, in
     * the same order. Returns undefined and charges nothing if a batch to store is known already. A statement that waited for
     * a row uses its start time, or the row's windows if those are slightly later.
     */
    async charge(charges: Charge[], keep: Keep = keepNothing): Promise<Charged | undefined> {
      // Counts of the row before the charge; 0 if its window is over.
      const minuteBefore = sql`case when ${isMinuteCharged} then w.minute_used else 0 end`;
      const dayBefore = sql`case when ${isDayCharged} then w.day_used else 0 end`;
      const admitted = sql`least(
        excluded.asked,
        case when excluded.per_minute = 0 then excluded.asked
          else greatest(excluded.per_minute - ${minuteBefore}, 0) / excluded.cost end,
        case when excluded.per_day = 0 then excluded.asked
          else greatest(excluded.per_day - ${dayBefore}, 0) / excluded.cost end)`;
      const { statementId, batches, keepMs } = keep;
      try {
        const [answer] = await sql<[{ outcomes: string; nowMs: number }]>`
          with charged as (
            insert into quota.windows as w
              (account_id, minute, minute_used, day, day_used, cost, asked, per_minute, per_day, admitted)
            select account_id, minute, fresh * cost, day, fresh * cost, cost, asked, per_minute, per_day, fresh
            from (
              select *, ${minuteNow} as minute, ${dayNow} as day,
                least(
                  asked,
                  case when per_minute = 0 then asked else per_minute / cost end,
                  case when per_day = 0 then asked else per_day / cost end) as fresh
              from unnest(
                string_to_array(${charges.map((charge) => charge.subject).join()}, ','),
                string_to_array(${charges.map((charge) => charge.cost).join()}, ',')::bigint[],
                string_to_array(${charges.map((charge) => charge.requested).join()}, ',')::bigint[],
                string_to_array(${charges.map((charge) => charge.limits.perMinute).join()}, ',')::bigint[],
                string_to_array(${charges.map((charge) => charge.limits.perDay).join()}, ',')::bigint[]
              ) as ask (account_id, cost, asked, per_minute, per_day)
              order by account_id collate "C"
            ) as asks
            on conflict (account_id) do update set
              minute = case when ${isMinuteCharged} then w.minute else excluded.minute end,
              minute_used = ${minuteBefore} + ${admitted} * excluded.cost,
              day = case when ${isDayCharged} then w.day else excluded.day end,
              day_used = ${dayBefore} + ${admitted} * excluded.cost,
              cost = excluded.cost, asked = excluded.asked,
              per_minute = excluded.per_minute, per_day = excluded.per_day,
              admitted = ${admitted},
              ${turnDay}
            returning account_id, minute, minute_used, day, day_used, cost, admitted, prev_day, prev_day_used
          ), turned as (
            -- Also rows that turned earlier today and had nothing charged since: those are there already.
            insert into quota.days (account_id, day, used)
            select account_id, prev_day, prev_day_used from charged
            where prev_day is not null and day_used = admitted * cost
            order by account_id
            on conflict do nothing
          ), answer as (
            select ${msNow} as now_ms, ${time} + ${keepMs}::float8 * interval '1 ms' as expires_at,
              string_agg(
                concat_ws(' ', minute, minute_used, day, day_used, admitted), ',' order by account_id) as outcomes
            from charged
          ), kept as (
            insert into quota.statements (statement_id, outcomes, decided_ms, expires_at)
            select ${statementId}::uuid, outcomes, now_ms, expires_at from answer where ${batches.length}::int > 0
          ), noted as (
            insert into quota.batches (batch_id, requests_crc, statement_id, layout, expires_at)
            select batch_id, requests_crc, ${statementId}::uuid, shares, expires_at
            from answer, unnest(
              ${batches.map(({ batchId }) => batchId)}::uuid[],
              ${batches.map(({ requestsCrc }) => requestsCrc)}::bigint[],
              ${batches.map(({ shares }) => writeShares(shares))}::text[]
            ) as noted (batch_id, requests_crc, shares)
            order by batch_id
          )
          select outcomes, now_ms as "nowMs" from answer`;
        return { rows: readOutcomes(answer.outcomes), nowMs: answer.nowMs };
      } catch (error) {
        if (violates(error, "batches_pkey")) return undefined;
        throw error;
      }
    },

    /** Returns the known ones of these batches. */
    async findBatches(ids: string[]): Promise<FoundBatch[]> {
      const found = await selectBatches(sql, ids);
      // A refunded request must not be answered as admitted.
      return found.map((batch) => (batch.refunded.length > 0 ? { ...batch, answer: "settled" } : batch));
    },

    /**
     * Refunds the units at some positions of a batch, once, and returns them: `refundsOf` returns the refunds for
     * positions that were not refunded before. Marks an unknown batch, so that it is never charged.
     */
    async refund(
      batchId: string,
      places: number[],
      refundsOf: (places: number[], batch: FoundBatch) => Refund[],
      keepMs: number,
    ): Promise<Refund[]> {
      for (;;) {
        // Waits for a running statement that charges the batch.
        const marked = await sql`
          insert into quota.batches (batch_id, expires_at)
          select ${batchId}::uuid, ${time} + ${keepMs}::float8 * interval '1 ms'
          on conflict do nothing`;
        if (marked.count === 1) return [];
        const refunds = await sql.begin(async (tx) => {
          const [batch] = await selectBatches(tx, [batchId], tx`for update of b`);
          if (!batch) return undefined;
          const fresh = places.filter((place) => !batch.refunded.includes(place));
          const given = refundsOf(fresh, batch);
          if (given.length === 0) return given;
          await giveBack(tx, given);
          // Must be last: a statement that repeats the batch holds its rows of windows while it waits for this.
          await tx`update quota.batches set refunded = coalesce(refunded, '{}') || ${fresh}::integer[]
            where batch_id = ${batchId}::uuid`;
          return given;
        });
        // Undefined if the batch was deleted in between.
        if (refunds) return refunds;
      }
    },

    /**
     * Adds units that were served in the past, at `servedMs` since the Unix epoch (a future time counts as now), to their
     * windows if those still exist, to the days' totals and the keys' counts. Returns whether it did so: false if
     * the batch was counted before.
     */
    async recordServed(
      batchId: string,
      servedMs: number,
      counts: Omit<KeyDay, "day">[],
      keepMs: number,
    ): Promise<boolean> {
      try {
        await sql`
          with served as (
            select least(${Math.floor(servedMs / 60_000)}::bigint, ${minuteNow}) as minute,
              least(${Math.floor(servedMs / 86_400_000)}::bigint, ${dayNow}) as day
          ), counts as (
            select * from unnest(
              ${counts.map(({ subject }) => subject)}::text[], ${counts.map(({ keyId }) => keyId)}::text[],
              ${counts.map(({ admitted }) => admitted)}::bigint[], ${counts.map(({ refused }) => refused)}::bigint[]
            ) as counts (account_id, key_id, admitted, refused)
          ), added as (
            insert into quota.windows as w
              (account_id, minute, minute_used, day, day_used, cost, asked, per_minute, per_day, admitted)
            select account_id, minute, admitted, day, admitted, 1, 0, 0, 0, admitted
            from (
              select account_id, sum(admitted)::bigint as admitted from counts
              group by account_id having sum(admitted) > 0
            ) as sums, served
            order by account_id collate "C"
            on conflict (account_id) do update set
              minute = greatest(w.minute, excluded.minute),
              minute_used = case when w.minute < excluded.minute then excluded.admitted
                when w.minute = excluded.minute then w.minute_used + excluded.admitted else w.minute_used end,
              day = greatest(w.day, excluded.day),
              day_used = case when w.day < excluded.day then excluded.admitted
                when w.day = excluded.day then w.day_used + excluded.admitted else w.day_used end,
              admitted = excluded.admitted,
              ${turnDay}
            returning account_id, day, day_used, admitted, prev_day, prev_day_used
          ), turned as (
            insert into quota.days (account_id, day, used)
            select account_id, prev_day, prev_day_used from added, served
            where prev_day is not null and added.day = served.day and day_used = admitted
            order by account_id
            on conflict do nothing
          ), late as (
            insert into quota.days as d (account_id, day, used)
            select account_id, served.day, admitted from added, served where added.day > served.day
            order by account_id
            on conflict (account_id, day) do update set used = d.used + excluded.used
          ), by_key as (
            insert into quota.key_days as k (account_id, day, key_id, admitted, refused)
            select account_id, day, key_id, sum(admitted), sum(refused)
            from counts, served, (select count(*) from added) as after
            group by account_id, day, key_id
            order by account_id collate "C", day, key_id collate "C"
            on conflict (account_id, day, key_id) do update set
              admitted = k.admitted + excluded.admitted, refused = k.refused + excluded.refused
            returning 1
          )
          insert into quota.batches (batch_id, expires_at)
          select ${batchId}::uuid, ${time} + ${keepMs}::float8 * interval '1 ms'
          from (select count(*) from by_key) as after`;
        return true;
      } catch (error) {
        if (violates(error, "batches_pkey")) return false;
        throw error;
      }
    },

    /** Adds to the keys' counts. Repeated calls for one batch add only once. */
    async addKeyDays(batchId: string, days: KeyDay[], keepMs: number): Promise<void> {
      try {
        await sql`
          with added as (
            insert into quota.key_days as k (account_id, day, key_id, admitted, refused)
            select * from unnest(
              ${days.map(({ subject }) => subject)}::text[], ${days.map(({ day }) => day)}::bigint[],
              ${days.map(({ keyId }) => keyId)}::text[], ${days.map(({ admitted }) => admitted)}::bigint[],
              ${days.map(({ refused }) => refused)}::bigint[]
            ) as added (account_id, day, key_id, admitted, refused)
            order by account_id collate "C", day, key_id collate "C"
            on conflict (account_id, day, key_id) do update set
              admitted = k.admitted + excluded.admitted, refused = k.refused + excluded.refused
            returning 1
          )
          insert into quota.batches (batch_id, expires_at)
          select ${batchId}::uuid, ${time} + ${keepMs}::float8 * interval '1 ms'
          from (select count(*) from added) as after`;
      } catch (error) {
        if (!violates(error, "batches_pkey")) throw error;
      }
    },

    /** Returns the current windows of a subject, and the database's time in ms. */
    async read(subject: string): Promise<WindowRow & { nowMs: number }> {
      const isMinuteRead = isMinute(sql`t.minute`);
      const isDayRead = isDay(sql`t.day`, sql`t.minute`);
      const [row] = await sql<[WindowRow & { nowMs: number }]>`
        select 0 as admitted,
          case when ${isMinuteRead} then w.minute else t.minute end as minute,
          case when ${isDayRead} then w.day else t.day end as day,
          case when ${isMinuteRead} then w.minute_used else 0 end as "minuteUsed",
          case when ${isDayRead} then w.day_used else 0 end as "dayUsed", ${msNow} as "nowMs"
        from (select ${minuteNow} as minute, ${dayNow} as day) as t
        left join quota.windows w on w.account_id = ${subject}`;
      return row;
    },

    /** Returns a subject's totals by day in a range; days without usage are omitted. */
    async listDays(subject: string, from: number, to: number): Promise<{ day: number; used: number }[]> {
      return sql<{ day: number; used: number }[]>`
        select day, sum(used)::bigint as used from (
          select day, used from quota.days
          where account_id = ${subject} and day between ${from} and ${to} and used > 0
          union all
          select day, day_used from quota.windows
          where account_id = ${subject} and day between ${from} and ${to} and day_used > 0
        ) as days
        -- A day is in both after the clock was a day ahead.
        group by day order by day`;
    },

    /** Returns the usage by day and key in a range, sorted, after a given day and key if set. */
    async listKeyDays(
      subject: string,
      range: { from: number; to: number; after: { day: number; keyId: string } | undefined; rowsMax: number },
    ): Promise<Omit<KeyDay, "subject">[]> {
      const { from, to, after, rowsMax } = range;
      return sql<Omit<KeyDay, "subject">[]>`
        select day, key_id as "keyId", greatest(admitted, 0) as admitted, refused from quota.key_days
        where account_id = ${subject} and day between ${from} and ${to} and (admitted > 0 or refused > 0)
          ${after ? sql`and (day, key_id) > (${after.day}, ${after.keyId})` : sql``}
        order by day, key_id
        limit ${rowsMax}`;
    },

    /** Deletes expired answers and old days; returns whether there may be more to delete. */
    async deleteExpired(daysKept: number): Promise<boolean> {
      const isExpired = sql`expires_at < ${time}`;
      const isOld = sql`day < ${dayNow} - ${daysKept}::bigint`;
      // Deletes ids before answers, so that a known batch lacks its answer only until the next statement.
      const more = [
        await deleteSome(sql, "quota.batches", ["batch_id"], isExpired),
        await deleteSome(sql, "quota.statements", ["statement_id"], isExpired),
        await deleteSome(sql, "quota.days", ["account_id", "day"], isOld),
        await deleteSome(sql, "quota.key_days", ["account_id", "day", "key_id"], isOld),
      ];
      return more.includes(true);
    },
  });
}

function readOutcomes(text: string): WindowRow[] {
  return text.split(",").map((row) => {
    const numbers = row.split(" ").map(Number);
    return {
      minute: itemAt(numbers, 0),
      minuteUsed: itemAt(numbers, 1),
      day: itemAt(numbers, 2),
      dayUsed: itemAt(numbers, 3),
      admitted: itemAt(numbers, 4),
    };
  });
}

function writeShares(shares: Share[]): string {
  return shares.map(({ row, before }) => `${row} ${before}`).join();
}

function readShares(text: string): Share[] {
  if (text === "") return [];
  return text.split(",").map((one) => {
    const numbers = one.split(" ").map(Number);
    return { row: itemAt(numbers, 0), before: itemAt(numbers, 1) };
  });
}
