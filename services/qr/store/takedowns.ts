import { accountKey } from "../../../contracts/lease-key.ts";
import { appendToLog } from "../../../platform/lease/log-store.ts";
import type { LogEntries } from "../../../platform/lease/protocol.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Takedown } from "../domain/takedowns.ts";
import { addActiveCodes } from "./code-counts.ts";
import { type CodeRow, codeColumns } from "./qr-codes.ts";

/** A code with what only the operator is shown. */
export interface FoundCode extends CodeRow {
  takedownReason: string;
  accountDisabled: boolean;
}

export type TakedownStore = ReturnType<typeof createTakedownStore>;

/** What the operator has taken down, in Postgres. Each method is one transaction. */
export function createTakedownStore(sql: Sql) {
  return cleanStore({
    /** Returns the codes with these ids or slugs, of any account, in any order; an unknown name has no row. */
    async find(names: { codeIds: string[]; slugs: string[] }): Promise<FoundCode[]> {
      return await sql<FoundCode[]>`
        select ${codeColumns(sql)}, c.takedown_reason as "takedownReason",
          coalesce(a.disabled, false) as "accountDisabled"
        from qr.codes c left join qr.account_states a using (account_id)
        where c.code_id = any(${names.codeIds}::text[]) or c.slug = any(${names.slugs}::text[])`;
    },

    /**
     * Stores states, except those whose revision is not above the stored one. Returns the states that are stored then, in any
     * order; a code that does not exist has none. All subjects are logged, also unchanged ones: a caller that repeats a call
     * whose answer was lost waits for the same promise.
     */
    async set(takedowns: Takedown[]): Promise<{ inForce: Takedown[]; entries: LogEntries }> {
      return await sql.begin(async (tx) => {
        const accounts = await setAccounts(tx, of(takedowns, "account"));
        const codes = await setCodes(tx, of(takedowns, "code"));
        const keys = [...codes.map(({ slug }) => slug), ...accounts.map(({ subject }) => accountKey(subject))];
        return { inForce: [...accounts, ...codes], entries: await appendToLog(tx, "qr", keys) };
      });
    },
  });
}

const of = (takedowns: Takedown[], kind: Takedown["kind"]) => takedowns.filter((one) => one.kind === kind);

/** Returns the states as columns for `unnest`; arrays of booleans are not among the driver's types. */
const columnsOf = (takedowns: Takedown[]) => ({
  subjects: takedowns.map(({ subject }) => subject),
  takenDown: takedowns.map(({ takenDown }) => String(takenDown)),
  reasons: takedowns.map(({ reason }) => reason),
  revisions: takedowns.map(({ revision }) => revision),
});

async function setAccounts(tx: Tx, takedowns: Takedown[]): Promise<Takedown[]> {
  if (takedowns.length === 0) return [];
  const { subjects, takenDown, revisions } = columnsOf(takedowns);
  await tx`
    insert into qr.account_states as a (account_id, disabled, revision)
    select * from unnest(${subjects}::text[], ${takenDown}::text[]::boolean[], ${revisions}::bigint[]) as s (account_id, disabled, revision)
    -- in one order, so that two calls cannot wait for one another
    order by account_id
    on conflict (account_id) do update set disabled = excluded.disabled, revision = excluded.revision
    where a.revision < excluded.revision`;
  return await tx<Takedown[]>`
    select 'account' as kind, account_id as subject, disabled as "takenDown", '' as reason, revision
    from qr.account_states where account_id = any(${subjects}::text[])`;
}

async function setCodes(tx: Tx, takedowns: Takedown[]): Promise<(Takedown & { slug: string })[]> {
  if (takedowns.length === 0) return [];
  const { subjects, takenDown, reasons, revisions } = columnsOf(takedowns);
  const owners = await tx<{ accountId: string }[]>`
    select distinct account_id as "accountId" from qr.codes where code_id = any(${subjects}::text[]) order by 1`;
  // Counts are locked before codes.
  for (const { accountId } of owners) await addActiveCodes(tx, accountId, 0);
  const activeOf = await lockActive(tx, subjects);
  await tx`
    with given as (
      select * from unnest(${subjects}::text[], ${takenDown}::text[]::boolean[], ${reasons}::text[],
        ${revisions}::bigint[]) as s (code_id, taken_down, reason, revision)
    )
    update qr.codes c set
      takedown_revision = g.revision,
      taken_down_at = case when g.taken_down then coalesce(c.taken_down_at, date_trunc('milliseconds', now())) end,
      takedown_reason = case when g.taken_down then g.reason else '' end,
      status_before_takedown = case when g.taken_down then coalesce(c.status_before_takedown, c.status) end,
      status = case when g.taken_down then 'archived' else coalesce(c.status_before_takedown, c.status) end,
      revision = c.revision + 1, updated_at = date_trunc('milliseconds', now())
    from given g
    where c.code_id = g.code_id and c.takedown_revision < g.revision`;
  const activeNow = await lockActive(tx, subjects);
  for (const { accountId } of owners) {
    const added = (activeNow.get(accountId) ?? 0) - (activeOf.get(accountId) ?? 0);
    // What is put back counts, also beyond the plan's number.
    if (added !== 0) await addActiveCodes(tx, accountId, added);
  }
  return await tx<(Takedown & { slug: string })[]>`
    select 'code' as kind, code_id as subject, slug, taken_down_at is not null as "takenDown", takedown_reason as reason,
      takedown_revision as revision
    from qr.codes where code_id = any(${subjects}::text[])`;
}

/** Locks codes, in one order, and returns how many of them are active, by account. */
async function lockActive(tx: Tx, codeIds: string[]): Promise<Map<string, number>> {
  const rows = await tx<{ accountId: string; status: CodeRow["status"] }[]>`
    select account_id as "accountId", status from qr.codes where code_id = any(${codeIds}::text[])
    order by code_id for no key update`;
  const active = new Map<string, number>();
  for (const { accountId, status } of rows) {
    if (status === "active") active.set(accountId, (active.get(accountId) ?? 0) + 1);
  }
  return active;
}
