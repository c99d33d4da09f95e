import { ServiceError } from "../../../platform/errors.ts";
import { appendToLog } from "../../../platform/lease/log-store.ts";
import { type Page, type Position, toPage } from "../../../platform/postgres/pagination.ts";
import { cleanStore, type Sql, type Tx, violates } from "../../../platform/postgres/pool.ts";
import type { KeyTraces } from "../domain/keys.ts";
import { activeKeysMax, type PlanLimits, type PlanName } from "../domain/plans.ts";
import { type Actor, appendToAudit } from "./audit.ts";

export interface AccountRow {
  accountId: string;
  email: string;
  plan: PlanName;
  perMinute: number;
  perDay: number;
  disabled: boolean;
  createdAt: Date;
}

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

/** A key together with what its account allows. */
export interface ResolvedRow {
  keyId: string;
  accountId: string;
  keyHash: Buffer;
  status: KeyRow["status"];
  disabled: boolean;
  perMinute: number;
  perDay: number;
}

export interface NewKey extends KeyTraces {
  keyId: string;
  name: string;
}

export type Store = ReturnType<typeof createStore>;

const noSuchAccount = () => new ServiceError("NOT_FOUND", "There is no such account.");
const noSuchKey = () => new ServiceError("NOT_FOUND", "There is no such key.");

/** Accounts and keys in Postgres. Each method is one transaction. */
export function createStore(sql: Sql) {
  const accountColumns = sql`account_id as "accountId", email, plan, per_minute as "perMinute", per_day as "perDay",
    disabled, created_at as "createdAt"`;
  const keyColumns = sql`key_id as "keyId", account_id as "accountId", name, key_hash as "keyHash", prefix, last4,
    status, created_at as "createdAt", ended_at as "endedAt", created_by as "createdBy", ended_by as "endedBy",
    replaced_by as "replacedBy", last_used_at as "lastUsedAt"`;

  async function insertKey(tx: Tx, actor: Actor, accountId: string, key: NewKey): Promise<KeyRow> {
    const [row] = await tx<[KeyRow]>`
      insert into auth.keys (key_id, account_id, name, key_hash, prefix, last4, created_by)
      values (${key.keyId}, ${accountId}, ${key.name}, ${key.hash}, ${key.prefix}, ${key.last4}, ${actor.name})
      returning ${keyColumns}`;
    return row;
  }

  /**
   * Locks the account of a key. Whatever makes keys or changes what an account's keys are good for takes this lock
   * first: otherwise a key made meanwhile would be missing from the log entries of the change.
   */
  async function lockAccountOf(tx: Tx, keyId: string, accountId: string): Promise<void> {
    const [locked] = await tx`
      select 1 from auth.accounts a join auth.keys k using (account_id)
      where k.key_id = ${keyId} ${accountId ? tx`and a.account_id = ${accountId}` : tx``} for update of a`;
    if (!locked) throw noSuchKey();
  }

  const logOf = (tx: Tx, hashes: Buffer[]) =>
    appendToLog(
      tx,
      "auth",
      hashes.map((hash) => hash.toString("hex")),
    );

  /** Changes an account, if that changes anything, and logs the keys whose answers that changes. */
  async function changeAccount(
    actor: Actor,
    accountId: string,
    action: string,
    change: Partial<Pick<AccountRow, "plan" | "perMinute" | "perDay" | "disabled">>,
  ) {
    return await sql.begin(async (tx) => {
      const [before] = await tx<AccountRow[]>`
        select ${accountColumns} from auth.accounts where account_id = ${accountId} for update`;
      if (!before) throw noSuchAccount();
      const account = { ...before, ...change };
      const changed = Object.entries(change).some(([name, value]) => before[name as keyof AccountRow] !== value);
      const [{ active }] = await tx<[{ active: number }]>`
        select count(*) as active from auth.keys where account_id = ${accountId} and status = 'active'`;
      if (change.plan && active > activeKeysMax(account.plan)) {
        const max = activeKeysMax(account.plan);
        const message = `The ${account.plan} plan allows ${max} active key and the account has ${active}. Revoke the others first.`;
        throw new ServiceError("KEY_LIMIT_REACHED", message);
      }
      if (changed) {
        await tx`
          update auth.accounts set plan = ${account.plan}, per_minute = ${account.perMinute},
            per_day = ${account.perDay}, disabled = ${account.disabled}
          where account_id = ${accountId}`;
        await appendToAudit(tx, actor, { action, accountId, details: change });
      }
      const keys = await tx<{ keyHash: Buffer }[]>`
        select key_hash as "keyHash" from auth.keys where account_id = ${accountId} and status = 'active'`;
      // Logged also if nothing changed: who asks again after a lost answer waits for the same promise.
      const entries = await logOf(
        tx,
        keys.map((key) => key.keyHash),
      );
      return { account, entries };
    });
  }

  return cleanStore({
    async createAccount(actor: Actor, account: { accountId: string; email: string; plan: PlanName } & PlanLimits) {
      const { accountId, email, plan, perMinute, perDay } = account;
      try {
        return await sql.begin(async (tx) => {
          const [row] = await tx<[AccountRow]>`
            insert into auth.accounts (account_id, email, plan, per_minute, per_day)
            values (${accountId}, ${email}, ${plan}, ${perMinute}, ${perDay})
            returning ${accountColumns}`;
          const details = { plan, perMinute, perDay };
          await appendToAudit(tx, actor, { action: "account.create", accountId, details });
          return row;
        });
      } catch (error) {
        if (violates(error, "accounts_email_unique")) {
          throw new ServiceError("CONFLICT", "An account with this e-mail exists already.", { cause: error });
        }
        throw error;
      }
    },

    async getAccount(accountId: string): Promise<AccountRow> {
      const [row] = await sql<AccountRow[]>`
        select ${accountColumns} from auth.accounts where account_id = ${accountId}`;
      if (!row) throw noSuchAccount();
      return row;
    },

    async listAccounts(size: number, after: Position | undefined): Promise<Page<AccountRow>> {
      const found = await sql<AccountRow[]>`
        select ${accountColumns} from auth.accounts
        ${after ? sql`where (created_at, account_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by created_at desc, account_id desc limit ${size + 1}`;
      return toPage(found, size, (row) => ({ createdAt: row.createdAt, id: row.accountId }));
    },

    setPlan: (actor: Actor, accountId: string, plan: PlanName, limits: PlanLimits) =>
      changeAccount(actor, accountId, "account.set-plan", { plan, ...limits }),

    setDisabled: (actor: Actor, accountId: string, disabled: boolean) =>
      changeAccount(actor, accountId, disabled ? "account.disable" : "account.enable", { disabled }),

    /** Fails with KEY_LIMIT_REACHED; the account's row is locked, so racing calls are counted one after the other. */
    async createKey(actor: Actor, accountId: string, key: NewKey): Promise<KeyRow> {
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

    async listKeys(accountId: string, size: number, after: Position | undefined): Promise<Page<KeyRow>> {
      const found = await sql<KeyRow[]>`
        select ${keyColumns} from auth.keys where account_id = ${accountId}
          ${after ? sql`and (created_at, key_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by created_at desc, key_id desc limit ${size + 1}`;
      return toPage(found, size, (row) => ({ createdAt: row.createdAt, id: row.keyId }));
    },

    /**
     * Ends the old key and stores the new one under its name. If the old one is dead already nothing changes, `key` is
     * undefined and `old` tells how it died; it is logged all the same.
     */
    async rotateKey(actor: Actor, keyId: string, accountId: string, next: Omit<NewKey, "name">) {
      return await sql.begin(async (tx) => {
        await lockAccountOf(tx, keyId, accountId);
        const [old] = await tx<[KeyRow]>`select ${keyColumns} from auth.keys where key_id = ${keyId} for update`;
        if (old.status !== "active") return { old, key: undefined, entries: await logOf(tx, [old.keyHash]) };
        await tx`
          update auth.keys set status = 'rotated', ended_at = now(), ended_by = ${actor.name}, replaced_by = ${next.keyId}
          where key_id = ${keyId}`;
        const key = await insertKey(tx, actor, old.accountId, { ...next, name: old.name });
        const details = { replacedBy: next.keyId };
        await appendToAudit(tx, actor, { action: "key.rotate", accountId: old.accountId, keyId, details });
        return { old, key, entries: await logOf(tx, [old.keyHash]) };
      });
    },

    /** Ends a key for good. A key that is dead stays as it is, and is logged all the same. */
    async revokeKey(actor: Actor, keyId: string, accountId: string) {
      return await sql.begin(async (tx) => {
        const [key] = await tx<KeyRow[]>`
          select ${keyColumns} from auth.keys
          where key_id = ${keyId} ${accountId ? tx`and account_id = ${accountId}` : tx``} for update`;
        if (!key) throw noSuchKey();
        if (key.status !== "active") return { key, entries: await logOf(tx, [key.keyHash]) };
        const [revoked] = await tx<[KeyRow]>`
          update auth.keys set status = 'revoked', ended_at = now(), ended_by = ${actor.name}
          where key_id = ${keyId} returning ${keyColumns}`;
        await appendToAudit(tx, actor, { action: "key.revoke", accountId: key.accountId, keyId });
        return { key: revoked, entries: await logOf(tx, [key.keyHash]) };
      });
    },

    /** Notes when keys were last used, each to the minute; an earlier use changes nothing. */
    async recordUse(uses: { keyId: string; usedAt: Date }[]): Promise<void> {
      await sql`
        with uses as (
          select key_id, max(date_trunc('minute', used_at)) as used_at
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

    /** Keeps hashes of keys that were reported as leaked. */
    async reportLeaks(actor: Actor, hashes: Uint8Array[]): Promise<void> {
      await sql`
        insert into auth.leak_reports (key_hash, reporter, address)
        select distinct decode(hex, 'hex'), ${actor.name}, ${actor.address} from unnest(${toHexes(hashes)}::text[]) as h (hex)
        on conflict do nothing`;
    },

    /** Takes up to `max` reports: forgets those of keys that are unknown or dead, and tells which keys are active. */
    async takeLeakReports(max: number): Promise<{ keyId: string; reporter: string; address: string }[]> {
      return await sql`
        with looked as (
          select r.key_hash, k.key_id, r.reporter, r.address from auth.leak_reports r
          left join auth.keys k on k.key_hash = r.key_hash and k.status = 'active'
          order by r.key_hash limit ${max}
        ), dropped as (
          delete from auth.leak_reports r using looked l where r.key_hash = l.key_hash and l.key_id is null
        )
        select key_id as "keyId", reporter, address from looked where key_id is not null`;
    },

    /** The keys behind these hashes, in any order; unknown hashes are missing. */
    async resolveKeys(hashes: Uint8Array[]): Promise<ResolvedRow[]> {
      return await sql<ResolvedRow[]>`
        select k.key_id as "keyId", k.account_id as "accountId", k.key_hash as "keyHash", k.status,
          a.disabled, a.per_minute as "perMinute", a.per_day as "perDay"
        from auth.keys k join auth.accounts a using (account_id)
        where k.key_hash in (select decode(hex, 'hex') from unnest(${toHexes(hashes)}::text[]) as h (hex))`;
    },
  });
}

/** Arrays of bytea are not among the driver's types; hex text is. */
function toHexes(hashes: Uint8Array[]): string[] {
  return hashes.map((hash) => Buffer.from(hash).toString("hex"));
}
