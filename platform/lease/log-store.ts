import { cleanStore } from "../postgres/errors.ts";
import type { Sql, Tx } from "../postgres/pool.ts";
import type { HolderRow, LeaseStore } from "./granter.ts";
import type { LogEntries, Renewal } from "./protocol.ts";

/** Retention of log entries; a holder that was away for longer evicts all keys. */
const logRetention = "1 hour";

/**
 * Appends keys to a schema's log, in the transaction that changes their values. Call it last: the head row stays locked
 * until the commit, so positions follow the order of commits.
 */
export async function appendToLog(tx: Tx, schema: string, keys: string[]): Promise<LogEntries> {
  const [{ position, logId }] = await tx<[{ position: number; logId: string }]>`
    update ${tx(schema)}.lease_head set position = position + ${keys.length}
    returning position, log_id as "logId"`;
  const from = position - keys.length + 1;
  if (keys.length > 0)
    await tx`
    insert into ${tx(schema)}.lease_log (position, key)
    select ${from}::bigint + ordinality - 1, key from unnest(${keys}::text[]) with ordinality as k (key, ordinality)`;
  return { from, position, keys, logId };
}

/** Creates the lease store of a schema with the tables `lease_head`, `lease_log` and `lease_holders`. */
export function createSqlLeaseStore(sql: Sql, schema: string): LeaseStore {
  const at = sql(schema);
  const store = {
    async register({ holder, renewal, applied, logId }: Renewal, leaseMs: number): Promise<void> {
      // Ignores a position of another log or beyond the head.
      await sql`
        insert into ${at}.lease_holders as h (holder, renewal, applied, lease_ms, renewed_at)
        select ${holder}, ${renewal},
          case when log_id::text = ${logId} and ${applied ?? null}::bigint <= position then ${applied ?? null}::bigint end,
          ${leaseMs}, now()
        from ${at}.lease_head
        on conflict (holder) do update set
          renewal = greatest(h.renewal, excluded.renewal),
          applied = greatest(h.applied, excluded.applied),
          lease_ms = greatest(h.lease_ms, excluded.lease_ms),
          renewed_at = excluded.renewed_at`;
    },

    async read({ applied: after, logId }: Renewal, keysMax: number) {
      const [head] = await sql<[{ position: number; trimmed: number; logId: string; keys: string[] | null }]>`
        select position, trimmed, log_id as "logId", (
          select array_agg(key order by l.position) from (
            select key, position from ${at}.lease_log where position > ${after ?? null}::bigint
            order by position limit ${keysMax + 1}
          ) as l
        ) as keys
        from ${at}.lease_head`;
      const keys = head.keys ?? [];
      const reaches =
        after !== undefined &&
        logId === head.logId &&
        after >= head.trimmed &&
        after <= head.position &&
        keys.length === head.position - after &&
        keys.length <= keysMax;
      return { position: head.position, keys: reaches ? keys : undefined, logId: head.logId };
    },

    async holders(): Promise<HolderRow[]> {
      const rows = await sql<{ holder: string; renewal: number; applied: number | null; leaseMs: number }[]>`
        select holder, renewal, applied, lease_ms as "leaseMs" from ${at}.lease_holders`;
      return rows.map((row) => ({ ...row, applied: row.applied ?? undefined }));
    },

    async forget({ holder, renewal }: HolderRow): Promise<void> {
      await sql`delete from ${at}.lease_holders where holder = ${holder} and renewal = ${renewal}`;
    },

    async release(holder: string): Promise<void> {
      await sql`delete from ${at}.lease_holders where holder = ${holder}`;
    },

    async deleteExpired(): Promise<void> {
      await sql.begin(async (tx) => {
        const [{ last }] = await tx<[{ last: number | null }]>`
          select max(position) as last from ${tx(schema)}.lease_log
          where logged_at < now() - ${logRetention}::interval`;
        if (last === null) return;
        await tx`update ${tx(schema)}.lease_head set trimmed = greatest(trimmed, ${last})`;
        await tx`delete from ${tx(schema)}.lease_log where position <= ${last}`;
      });
    },
  };
  return cleanStore(store);
}
