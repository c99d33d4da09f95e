import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Actor } from "../domain/audit.ts";
import { appendToAudit } from "./audit.ts";

/** Whether one code, or all codes of one account, are taken down. */
export interface Takedown {
  accountId: string;
  /** Empty for all codes of the account. */
  codeId: string;
  takenDown: boolean;
  /** Of codes only. */
  reason: string;
}

/** A state as it is handed over to qr. */
export interface TakedownRow extends Takedown {
  /** Counts the states of the subject. */
  revision: number;
}

/** A code that an operator names, as qr found it. */
export interface NamedCode {
  codeId: string;
  accountId: string;
  slug: string;
  isTakenDown: boolean;
}

export type TakedownStore = ReturnType<typeof createTakedownStore>;

const columns = (sql: Sql | Tx) => sql`account_id as "accountId", code_id as "codeId", taken_down as "takenDown",
  reason, revision`;

/** Returns which takedowns these are, as columns for `unnest`. */
const keysOf = (takedowns: Takedown[]) => ({
  accountIds: takedowns.map(({ accountId }) => accountId),
  codeIds: takedowns.map(({ codeId }) => codeId),
});

/** Stores new states, in the transaction that decides them. Each gets the next revision, also if it is the same state. */
export async function putTakedowns(tx: Tx, takedowns: Takedown[]): Promise<TakedownRow[]> {
  const { accountIds, codeIds } = keysOf(takedowns);
  return await tx<TakedownRow[]>`
    insert into auth.takedowns as t (account_id, code_id, taken_down, reason)
    select * from unnest(${accountIds}::text[], ${codeIds}::text[],
      ${takedowns.map(({ takenDown }) => String(takenDown))}::text[]::boolean[],
      ${takedowns.map(({ reason }) => reason)}::text[]) as n (account_id, code_id, taken_down, reason)
    -- in one order, so that two calls cannot wait for one another
    order by account_id, code_id
    on conflict (account_id, code_id) do update set
      taken_down = excluded.taken_down, reason = excluded.reason, revision = t.revision + 1, changed_at = now()
    returning ${columns(tx)}`;
}

/** What is taken down, in Postgres. Each method is one transaction. */
export function createTakedownStore(sql: Sql) {
  return cleanStore({
    /**
     * Takes codes down, or puts them back, and records each change in the audit trail. Returns the states to hand over to
     * qr: those of all codes, but for codes to put back that were never taken down.
     */
    async decideCodes(actor: Actor, codes: NamedCode[], takenDown: boolean, reason: string): Promise<TakedownRow[]> {
      return await sql.begin(async (tx) => {
        const known = await tx<Takedown[]>`
          select ${columns(tx)} from auth.takedowns
          where code_id = any(${codes.map(({ codeId }) => codeId)}::text[])
            and account_id = any(${codes.map(({ accountId }) => accountId)}::text[])
          order by account_id, code_id for update`;
        const before = new Map(known.map((one) => [one.codeId, one]));
        const concerned = codes.filter((code) => takenDown || code.isTakenDown || before.has(code.codeId));
        // Without a reason, that of an earlier takedown stays.
        const reasonFor = (codeId: string) => reason || (takenDown ? (before.get(codeId)?.reason ?? "") : "");
        for (const { codeId, accountId, slug, isTakenDown } of concerned) {
          const was = before.get(codeId) ?? { takenDown: isTakenDown, reason: "" };
          const next = reasonFor(codeId);
          if (was.takenDown === takenDown && was.reason === next) continue;
          const details = { codeId, slug, ...(next && { reason: next }) };
          await appendToAudit(tx, actor, { action: takenDown ? "code.archive" : "code.restore", accountId, details });
        }
        return await putTakedowns(
          tx,
          concerned.map(({ accountId, codeId }) => ({ accountId, codeId, takenDown, reason: reasonFor(codeId) })),
        );
      });
    },

    /** Returns up to `max` states that qr has not confirmed within `afterMs`, oldest first. */
    async listUnconfirmed(afterMs: number, max: number): Promise<TakedownRow[]> {
      return await sql<TakedownRow[]>`
        select ${columns(sql)} from auth.takedowns
        where confirmed < revision and changed_at <= now() - ${afterMs} * interval '1 ms'
        order by changed_at limit ${max}`;
    },

    /** Records that qr has these states, or newer ones. */
    async confirm(rows: TakedownRow[]): Promise<void> {
      const { accountIds, codeIds } = keysOf(rows);
      await sql`
        update auth.takedowns t set confirmed = greatest(t.confirmed, c.revision)
        from unnest(${accountIds}::text[], ${codeIds}::text[], ${rows.map(({ revision }) => revision)}::bigint[])
          as c (account_id, code_id, revision)
        where t.account_id = c.account_id and t.code_id = c.code_id`;
    },

    /**
     * Given the states that qr has, gives the states here the revision after them and returns those; a state that is newer
     * than qr's is left alone. Revisions of qr that were never given here come from a database that was set back.
     */
    async overtake(inForce: TakedownRow[]): Promise<TakedownRow[]> {
      const { accountIds, codeIds } = keysOf(inForce);
      return await sql<TakedownRow[]>`
        update auth.takedowns t set revision = q.revision + 1, changed_at = now()
        from unnest(${accountIds}::text[], ${codeIds}::text[],
          ${inForce.map(({ takenDown }) => String(takenDown))}::text[]::boolean[],
          ${inForce.map(({ revision }) => revision)}::bigint[]) as q (account_id, code_id, taken_down, revision)
        where t.account_id = q.account_id and t.code_id = q.code_id
          and (t.revision < q.revision or (t.revision = q.revision and t.taken_down <> q.taken_down))
        returning t.account_id as "accountId", t.code_id as "codeId", t.taken_down as "takenDown", t.reason, t.revision`;
    },
  });
}
