import { randomUUID } from "node:crypto";
import { cleanStore } from "../postgres/errors.ts";
import type { Sql, Tx } from "../postgres/pool.ts";
import type { HolderRow, Holders, LeaseStore } from "./granter.ts";
import type { LogEntries, Renewal } from "./protocol.ts";

/** Retention of log entries; a holder that was away for longer evicts all keys. */
const logRetention = "1 hour";

/**
 * Appends keys to a schema's log, in the transaction that changes their values. Call it last: the head row stays locked
 * until the commit, so positions follow the order of commits.
 */
export async function appendToLog(tx: Tx, schema: string, keys: string[]): Promise<LogEntries> {
  const at = tx(schema);
  const [{ position, logId }] = await tx<[{ position: number; logId: string }]>`
    update ${at}.lease_head set position = position + ${keys.length},
      log_id = case when ${isSameRun(tx)} then log_id else gen_random_uuid() end,
      settled = settled and ${isSameRun(tx)}, server_started_at = pg_postmaster_start_time()
    returning position, log_id as "logId"`;
  const from = position - keys.length + 1;
  const changeId = randomUUID();
  if (keys.length === 0) return { from, position, keys, logId, changeId, previousChangeId: "" };
  const [previous] = await tx<{ changeId: string }[]>`
    with appended as (
      insert into ${at}.lease_log (position, key, change_id)
      select ${from}::bigint + ordinality - 1, key, ${changeId}::uuid
      from unnest(${keys}::text[]) with ordinality as k (key, ordinality)
    )
    select change_id as "changeId" from ${at}.lease_log where position = ${from - 1}`;
  return { from, position, keys, logId, changeId, previousChangeId: previous?.changeId ?? "" };
}

/**
 * Returns a condition on a row of `lease_head`: the database server has not started since the log was last used. After a
 * start it may be another server, or the same one with older data, so that the last commits may be lost.
 */
function isSameRun(sql: Sql | Tx) {
  return sql`server_started_at is not distinct from pg_postmaster_start_time()`;
}

/** Creates the lease store of a schema with the tables `lease_head`, `lease_log` and `lease_holders`. */
export function createSqlLeaseStore(sql: Sql, schema: string): LeaseStore {
  const at = sql(schema);
  const store = {
    async register({ holder, renewal, applied, logId, changeId }: Renewal, leaseMs: number): Promise<void> {
      // Gives the log a new id in a new run of the server. Ignores a position of another log, or that is not in this one.
      await sql`
        with renamed as (
          update ${at}.lease_head
          set log_id = gen_random_uuid(), settled = false, server_started_at = pg_postmaster_start_time()
          where not ${isSameRun(sql)}
        )
        insert into ${at}.lease_holders as h (holder, renewal, applied, lease_ms, renewed_at)
        select ${holder}, ${renewal},
          case when log_id::text = ${logId} and ${applied ?? null}::bigint <= position and (${changeId} = '' or exists (
            select 1 from ${at}.lease_log where position = ${applied ?? null}::bigint and change_id::text = ${changeId}
          )) then ${applied ?? null}::bigint end,
          ${leaseMs}, now()
        from ${at}.lease_head
        on conflict (holder) do update set
          renewal = greatest(h.renewal, excluded.renewal),
          applied = greatest(h.applied, excluded.applied),
          lease_ms = greatest(h.lease_ms, excluded.lease_ms),
          renewed_at = excluded.renewed_at`;
    },

    async read({ applied: after, logId, changeId }: Renewal, keysMax: number) {
      const [head] = await sql<[HeadRow]>`
        select position, trimmed, log_id as "logId",
          (select change_id from ${at}.lease_log l where l.position = h.position) as "changeId",
          (select change_id from ${at}.lease_log where position = ${after ?? null}::bigint) as "changeIdAfter", (
          select array_agg(key order by l.position) from (
            select key, position from ${at}.lease_log where position > ${after ?? null}::bigint
            order by position limit ${keysMax + 1}
          ) as l
        ) as keys
        from ${at}.lease_head h`;
      const keys = head.keys ?? [];
      const reaches =
        after !== undefined &&
        logId === head.logId &&
        (changeId === "" || changeId === head.changeIdAfter) &&
        after >= head.trimmed &&
        after <= head.position &&
        keys.length === head.position - after &&
        keys.length <= keysMax;
      const { position, logId: currentLogId } = head;
      return { position, keys: reaches ? keys : undefined, logId: currentLogId, changeId: head.changeId ?? "" };
    },

    async holders(entries?: LogEntries): Promise<Holders> {
      const { position = null, changeId = null } = entries ?? {};
      const [head] = await sql<[Omit<Holders, "rows"> & { rows: (HolderRow & { applied: number | null })[] | null }]>`
        select case when not settled then log_id end as "unsettled",
          coalesce(position < ${position}::bigint or (trimmed < ${position}::bigint and not exists (
            select 1 from ${at}.lease_log where position = ${position}::bigint and change_id::text = ${changeId}
          )), false) as "isLost", (
            select json_agg(json_build_object(
              'holder', holder, 'renewal', renewal, 'applied', applied, 'leaseMs', lease_ms
            )) from ${at}.lease_holders
          ) as rows
        from ${at}.lease_head`;
      const rows = (head.rows ?? []).map((row) => ({ ...row, applied: row.applied ?? undefined }));
      return { rows, isLost: head.isLost, unsettled: head.unsettled ?? undefined };
    },

    async settle(logId: string): Promise<void> {
      await sql`update ${at}.lease_head set settled = true where log_id::text = ${logId}`;
    },

    async forget({ holder, renewal }: HolderRow): Promise<void> {
      await sql`delete from ${at}.lease_holders where holder = ${holder} and renewal = ${renewal}`;
    },

    async release(holder: string): Promise<void> {
      await sql`delete from ${at}.lease_holders where holder = ${holder}`;
    },

    async deleteExpired(): Promise<void> {
      await sql.begin(async (tx) => {
        // Keeps the newest of the expired entries: its change names the position from which the rest of the log is read.
        const [{ last }] = await tx<[{ last: number | null }]>`
          select max(position) as last from ${tx(schema)}.lease_log
          where logged_at < now() - ${logRetention}::interval`;
        const trimmed = await tx`
          update ${tx(schema)}.lease_head set trimmed = ${last} where trimmed < ${last} returning trimmed`;
        if (trimmed.length > 0) await tx`delete from ${tx(schema)}.lease_log where position < ${last}`;
        // A service of an earlier version deletes it.
        await tx`
          insert into ${tx(schema)}.lease_log (position, key)
          select position, '' from ${tx(schema)}.lease_head h
          where not exists (select 1 from ${tx(schema)}.lease_log l where l.position = h.position)
          on conflict (position) do nothing`;
      });
    },
  };
  return cleanStore(store);
}

interface HeadRow {
  position: number;
  trimmed: number;
  logId: string;
  changeId: string | null;
  /** Identifier of the change at the position that the holder has applied. */
  changeIdAfter: string | null;
  keys: string[] | null;
}
