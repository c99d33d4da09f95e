import { ServiceError } from "../../../platform/errors.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import { type Cursor, type Page, paginate } from "../../../platform/postgres/pagination.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Actor } from "../domain/audit.ts";
import { type KeyTraces, rotateAfterDays } from "../domain/keys.ts";
import { activeKeysMax, type PlanName } from "../domain/plans.ts";
import { noSuchAccount } from "./accounts.ts";
import { appendToAudit } from "./audit.ts";
import { appendKeysToLog, toHexes } from "./key-log.ts";
import type { Outbox } from "./outbox.ts";

export interface KeyRow {
  keyId: string;
  accountId: string;
  name: string;
  keyHash: Buffer;
  prefix: string;
  last4: string;
  status: "active" | "rotated" | "revoked";
  createdAt: Date;
  endedAt: Date | null;
  createdBy: string;
  endedBy: string;
  replacedBy: string;
  lastUsedAt: Date | null;
}

/** A key with the state and limits of its account. */
export interface ResolvedRow {
  keyId: string;
  accountId: string;
  keyHash: Buffer;
  status: KeyRow["status"];
  disabled: boolean;
  plan: PlanName;
  perMinute: number;
  perDay: number;
}

export interface NewKey extends KeyTraces {
  keyId: string;
  name: string;
}

const keyColumns = (
  sql: Sql | Tx,
) => sql`key_id as "keyId", account_id as "accountId", name, key_hash as "keyHash", prefix,
  last4, status, created_at as "createdAt", ended_at as "endedAt", created_by as "createdBy", ended_by as "endedBy",
  replaced_by as "replacedBy", last_used_at as "lastUsedAt"`;

/**
 * Revokes the active ones of these keys, each by its actor, and returns them. All rows are locked, in one order, before the
 * audit trail is, so that this and a rotation cannot wait for one another. Call `appendKeysToLog` afterwards.
 */
export async function revokeKeys(tx: Tx, actors: Map<string, Actor>): Promise<KeyRow[]> {
  const ids = [...actors.keys()];
  const keys = await tx<Pick<KeyRow, "keyId" | "accountId">[]>`
    select key_id as "keyId", account_id as "accountId" from auth.keys
    where key_id = any(${ids}::text[]) and status = 'active' order by key_id for update`;
  const revoked: KeyRow[] = [];
  for (const { keyId, accountId } of keys) {
    const actor = actors.get(keyId);
    if (!actor) throw new Error("a key was read that was not asked for");
    const [key] = await tx<[KeyRow]>`
      update auth.keys set status = 'revoked', ended_at = now(), ended_by = ${actor.name}
      where key_id = ${keyId} returning ${keyColumns(tx)}`;
    await appendToAudit(tx, actor, { action: "key.revoke", accountId, keyId });
    revoked.push(key);
  }
  return revoked;
}

export type KeyStore = ReturnType<typeof createKeyStore>;

const noSuchKey = () => new ServiceError("NOT_FOUND", "There is no such key.");

/** Keys in Postgres. Each method is one transaction. */
export function createKeyStore(sql: Sql, outbox: Outbox) {
  const columns = keyColumns(sql);

  async function insertKey(tx: Tx, actor: Actor, accountId: string, key: NewKey): Promise<KeyRow> {
    const [row] = await tx<[KeyRow]>`
      insert into auth.keys (key_id, account_id, name, key_hash, prefix, last4, created_by)
      values (${key.keyId}, ${accountId}, ${key.name}, ${key.hash}, ${key.prefix}, ${key.last4}, ${actor.name})
      returning ${columns}`;
    return row;
  }

  /**
   * Locks the account of a key. Every transaction that creates keys or changes what an account's keys may do takes this
   * lock first: otherwise a key created meanwhile would be missing from the log entries of the change.
   */
  async function lockAccountOf(tx: Tx, keyId: string, accountId: string): Promise<void> {
    const [locked] = await tx`
      select 1 from auth.accounts a join auth.keys k using (account_id)
      where k.key_id = ${keyId} ${accountId ? tx`and a.account_id = ${accountId}` : tx``} for update of a`;
    if (!locked) throw noSuchKey();
  }

  return cleanStore({
    /**
     * Creates a key. Throws KEY_LIMIT_REACHED if the plan allows no further active key; the account's row is locked, so
     * calls at the same time are counted one after the other.
     */
    async create(actor: Actor, accountId: string, key: NewKey): Promise<KeyRow> {
      return await sql.begin(async (tx) => {
        const [account] = await tx<{ plan: PlanName }[]>`
          select plan from auth.accounts where account_id = ${accountId} for update`;
        if (!account) throw noSuchAccount();
        const [{ active }] = await tx<[{ active: number }]>`
          select count(*) as active from auth.keys where account_id = ${accountId} and status = 'active'`;
        const max = activeKeysMax(account.plan);
        if (active >= max) {
          throw new ServiceError(
            "KEY_LIMIT_REACHED",
            `The ${account.plan} plan allows ${max} active key. Rotate or revoke it, or move to Enterprise for more.`,
          );
        }
        const row = await insertKey(tx, actor, accountId, key);
        await appendToAudit(tx, actor, {
          action: "key.create",
          accountId,
          keyId: key.keyId,
          details: { name: key.name },
        });
        return row;
      });
    },

    /** Lists the keys of an account, newest first. */
    async list(accountId: string, size: number, after: Cursor | undefined): Promise<Page<KeyRow>> {
      const found = await sql<KeyRow[]>`
        select ${columns} from auth.keys where account_id = ${accountId}
          ${after ? sql`and (created_at, key_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by created_at desc, key_id desc limit ${size + 1}`;
      return paginate(found, size, (row) => ({ createdAt: row.createdAt, id: row.keyId }));
    },

    /**
     * Ends the old key and stores the new one under its name. If the old key has ended already, nothing changes, `key` is
     * undefined and `old` says how it ended; it is logged all the same.
     */
    async rotate(actor: Actor, keyId: string, accountId: string, next: Omit<NewKey, "name">) {
      return await sql.begin(async (tx) => {
        await lockAccountOf(tx, keyId, accountId);
        const [old] = await tx<[KeyRow]>`select ${columns} from auth.keys where key_id = ${keyId} for update`;
        if (old.status !== "active") return { old, key: undefined, entries: await appendKeysToLog(tx, [old.keyHash]) };
        await tx`
          update auth.keys set status = 'rotated', ended_at = now(), ended_by = ${actor.name}, replaced_by = ${next.keyId}
          where key_id = ${keyId}`;
        const key = await insertKey(tx, actor, old.accountId, { ...next, name: old.name });
        const details = { replacedBy: next.keyId };
        await appendToAudit(tx, actor, { action: "key.rotate", accountId: old.accountId, keyId, details });
        return { old, key, entries: await appendKeysToLog(tx, [old.keyHash]) };
      });
    },

    /** Ends a key for good. A key that has ended already is not changed, but logged all the same. */
    async revoke(actor: Actor, keyId: string, accountId: string) {
      return await sql.begin(async (tx) => {
        const [key] = await tx<KeyRow[]>`
          select ${columns} from auth.keys
          where key_id = ${keyId} ${accountId ? tx`and account_id = ${accountId}` : tx``} for update`;
        if (!key) throw noSuchKey();
        const [revoked = key] = await revokeKeys(tx, new Map([[keyId, actor]]));
        return { key: revoked, entries: await appendKeysToLog(tx, [key.keyHash]) };
      });
    },

    /** Records when keys were last used, to the minute. An earlier use changes nothing; one in the future counts as now. */
    async recordUse(uses: { keyId: string; usedAt: Date }[]): Promise<void> {
      await sql`
        with uses as (
          select key_id, date_trunc('minute', least(max(used_at), now())) as used_at
          from unnest(${uses.map((use) => use.keyId)}::text[],
            ${uses.map((use) => use.usedAt.toISOString())}::timestamptz[]) as u (key_id, used_at)
          group by key_id
        ), locked as (
          -- in one order, so that two edges' batches cannot wait for one another
          select key_id from auth.keys where key_id in (select key_id from uses) order by key_id for no key update
        )
        update auth.keys k set last_used_at = u.used_at
        from uses u join locked using (key_id)
        where k.key_id = u.key_id and (k.last_used_at is null or k.last_used_at < u.used_at)`;
    },

    /** Adds mails to the owners of up to `max` keys whose rotation is due, once for each key. Returns whether there may be more. */
    async noticeOldKeys(max: number): Promise<boolean> {
      return await sql.begin(async (tx) => {
        const keys = await tx<KeyRow[]>`
          update auth.keys set rotation_noticed_at = now() where key_id in (
            select k.key_id from auth.keys k join auth.accounts a using (account_id)
            where k.status = 'active' and k.rotation_noticed_at is null and not a.disabled
              and k.created_at < now() - ${rotateAfterDays} * interval '1 day'
            order by k.created_at limit ${max} for update of k skip locked)
          returning ${columns}`;
        await outbox.addAboutKeys(tx, "keys-old", keys);
        return keys.length === max;
      });
    },

    /** Returns the keys with these hashes, in any order; an unknown hash has no row. */
    async resolve(hashes: Uint8Array[]): Promise<ResolvedRow[]> {
      return await sql<ResolvedRow[]>`
        select k.key_id as "keyId", k.account_id as "accountId", k.key_hash as "keyHash", k.status,
          a.disabled, a.plan, a.per_minute as "perMinute", a.per_day as "perDay"
        from auth.keys k join auth.accounts a using (account_id)
        where k.key_hash in (select decode(hex, 'hex') from unnest(${toHexes(hashes)}::text[]) as h (hex))`;
    },
  });
}
