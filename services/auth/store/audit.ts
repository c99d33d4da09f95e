import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import { type Actor, type AuditRecord, type ChainedRecord, chainHash } from "../domain/audit.ts";

export interface Change {
  action: string;
  accountId: string;
  keyId?: string;
  details?: Record<string, unknown>;
}

/** The head of the chain, and the day for which it is to be signed. */
export interface HeadClaim {
  day: string;
  time: Date;
  count: number;
  hash: Buffer;
}

const recordColumns = (sql: Sql | Tx) => sql`sequence, at_ms as "atMs", actor, address, action,
  account_id as "accountId", key_id as "keyId", details`;

/** Appends an entry to the audit trail, in the transaction of the change that it records. */
export async function appendToAudit(tx: Tx, actor: Actor, change: Change): Promise<void> {
  const [head] = await tx<[{ sequence: number; hash: Buffer; nowMs: number }]>`
    select sequence, hash, floor(extract(epoch from now()) * 1000)::bigint as "nowMs"
    from auth.audit_head for update`;
  const record: AuditRecord = {
    sequence: head.sequence + 1,
    atMs: head.nowMs,
    actor: actor.name,
    address: actor.address,
    action: change.action,
    accountId: change.accountId,
    keyId: change.keyId ?? "",
    details: JSON.stringify(change.details ?? {}),
  };
  const hash = chainHash(head.hash, record);
  await tx`
    insert into auth.audit (sequence, at_ms, actor, address, action, account_id, key_id, details, hash)
    values (${record.sequence}, ${record.atMs}, ${record.actor}, ${record.address}, ${record.action},
      ${record.accountId}, ${record.keyId}, ${record.details}, ${hash})`;
  await tx`update auth.audit_head set sequence = ${record.sequence}, hash = ${hash}`;
}

export type AuditStore = ReturnType<typeof createAuditStore>;

/** Reads the audit trail. */
export function createAuditStore(sql: Sql) {
  return cleanStore({
    /** Lists the entries of an account, or of every account if `accountId` is empty, newest first. */
    async list(accountId: string, size: number, before: number): Promise<AuditRecord[]> {
      return await sql<AuditRecord[]>`
        select ${recordColumns(sql)} from auth.audit
        where true ${accountId ? sql`and account_id = ${accountId}` : sql``}
          ${before > 0 ? sql`and sequence < ${before}` : sql``}
        order by sequence desc limit ${size}`;
    },

    /** Returns the entries after a sequence and up to another, oldest first, and the head of the chain, from one snapshot. */
    async stretch(after: number, size: number, until: number) {
      return await sql.begin("isolation level repeatable read read only", async (tx) => {
        const [head] = await tx<[{ sequence: number; hash: Buffer }]>`select sequence, hash from auth.audit_head`;
        const entries = await tx<ChainedRecord[]>`
          select ${recordColumns(tx)}, hash from auth.audit
          where sequence > ${after} and sequence <= ${until} order by sequence limit ${size}`;
        return { head, entries: [...entries] };
      });
    },

    /**
     * Claims the writing of the day's signed head, and returns the head of the chain. Returns undefined if the chain is empty,
     * or the day's head is written or claimed by another replica; a claim ends after five minutes.
     */
    async claimHead(): Promise<HeadClaim | undefined> {
      const [claim] = await sql<HeadClaim[]>`
        with head as (
          select sequence, hash from auth.audit_head where sequence > 0 and not exists (
            select 1 from auth.audit_heads where day = (now() at time zone 'utc')::date and written_at is not null)
        ), claim as (
          insert into auth.audit_heads as h (day, claimed_at)
          select (now() at time zone 'utc')::date, now() from head
          on conflict (day) do update set claimed_at = excluded.claimed_at
          where h.written_at is null and h.claimed_at < now() - interval '5 minutes'
          returning day
        )
        select claim.day::text, now() as time, head.sequence as count, head.hash from head, claim`;
      return claim;
    },

    /** Records that a day's head is written. */
    async recordHead(day: string): Promise<void> {
      await sql`update auth.audit_heads set written_at = now() where day = ${day}::date`;
    },
  });
}
