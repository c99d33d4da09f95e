import type { Tx } from "../../../platform/postgres/pool.ts";
import type { Refund } from "../domain/batch.ts";

/** Subtracts units from the windows they were charged to, if those still exist, from day totals and key counts. */
export async function giveBack(tx: Tx, refunds: Refund[]): Promise<void> {
  const counts = tx`unnest(
    ${refunds.map(({ subject }) => subject)}::text[], ${refunds.map(({ keyId }) => keyId)}::text[],
    ${refunds.map(({ minute }) => minute)}::bigint[], ${refunds.map(({ day }) => day)}::bigint[],
    ${refunds.map(({ units }) => units)}::bigint[]
  ) as counts (account_id, key_id, minute, day, units)`;
  const sums = tx`(
    select account_id, minute, day, sum(units)::bigint as units from ${counts} group by account_id, minute, day
  ) as sums`;
  // Locks the rows, in the order of subjects, before it reads days, since a day may end until then.
  await tx`
    insert into quota.windows as w
      (account_id, minute, minute_used, day, day_used, cost, asked, per_minute, per_day, admitted)
    select account_id, minute, 0, day, 0, 1, 0, 0, 0, units from ${sums} order by account_id collate "C"
    on conflict (account_id) do update set
      minute_used = case when w.minute = excluded.minute
        then greatest(w.minute_used - excluded.admitted, 0) else w.minute_used end,
      day_used = case when w.day = excluded.day
        then greatest(w.day_used - excluded.admitted, 0) else w.day_used end`;
  await tx`
    update quota.days d set used = greatest(d.used - sums.units, 0) from ${sums}
    where d.account_id = sums.account_id and d.day = sums.day
      and exists (select from quota.windows w where w.account_id = d.account_id and w.day > d.day)`;
  // Counts are negative until the replica that charged has stored its own.
  await tx`
    insert into quota.key_days as k (account_id, day, key_id, admitted, refused)
    select account_id, day, key_id, -sum(units), 0 from ${counts}
    group by account_id, day, key_id
    order by account_id collate "C", day, key_id collate "C"
    on conflict (account_id, day, key_id) do update set admitted = k.admitted + excluded.admitted`;
}
