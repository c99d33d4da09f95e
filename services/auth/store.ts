import { Failure } from "../../platform/errors.ts";
import { type Page, type Position, toPage } from "../../platform/page.ts";
import { cleanStore, type Sql, type Tx, violates } from "../../platform/sql.ts";
import type { KeyTraces } from "./keys.ts";
import { activeKeysMax, type PlanLimits, type PlanName } from "./plans.ts";

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

const noSuchAccount = () => new Failure("NOT_FOUND", "There is no such account.");
const noSuchKey = () => new Failure("NOT_FOUND", "There is no such key.");

/** Accounts and keys in Postgres. Each method is one transaction. */
export function createStore(sql: Sql) {
  const accountColumns = sql`account_id as "accountId", email, plan, per_minute as "perMinute", per_day as "perDay",
    disabled, created_at as "createdAt"`;
  const keyColumns = sql`key_id as "keyId", account_id as "accountId", name, key_hash as "keyHash", prefix, last4,
    status, created_at as "createdAt", ended_at as "endedAt"`;

  function insertKey(tx: Tx, accountId: string, key: NewKey) {
    return tx<[KeyRow]>`
      insert into auth.keys (key_id, account_id, name, key_hash, prefix, last4)
      values (${key.keyId}, ${accountId}, ${key.name}, ${key.hash}, ${key.prefix}, ${key.last4})
      returning ${keyColumns}`;
  }

  /** Changes an account and tells which keys' answers that changes. */
  async function changeAccount(accountId: string, change: ReturnType<Sql>) {
    return await sql.begin(async (tx) => {
      const [account] = await tx<AccountRow[]>`
        update auth.accounts set ${change} where account_id = ${accountId} returning ${accountColumns}`;
      if (!account) throw noSuchAccount();
      const keys = await tx<{ keyHash: Buffer }[]>`
        select key_hash as "keyHash" from auth.keys where account_id = ${accountId} and status = 'active'`;
      return { account, staleHashes: keys.map((key) => key.keyHash) };
    });
  }

  return cleanStore({
    async createAccount(account: { accountId: string; email: string; plan: PlanName } & PlanLimits) {
      try {
        const [row] = await sql<[AccountRow]>`
          insert into auth.accounts (account_id, email, plan, per_minute, per_day)
          values (${account.accountId}, ${account.email}, ${account.plan}, ${account.perMinute}, ${account.perDay})
          returning ${accountColumns}`;
        return row;
      } catch (error) {
        if (violates(error, "accounts_email_unique")) {
          throw new Failure("CONFLICT", "An account with this e-mail exists already.", { cause: error });
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

    setPlan: (accountId: string, plan: PlanName, limits: PlanLimits) =>
      changeAccount(
        accountId,
        sql`plan = ${plan}, per_minute = ${limits.perMinute}, per_day = ${limits.perDay}` as never,
      ),

    setDisabled: (accountId: string, disabled: boolean) =>
      changeAccount(accountId, sql`disabled = ${disabled}` as never),

    /** Fails with KEY_LIMIT_REACHED; the account's row is locked, so racing calls are counted one after the other. */
    async createKey(accountId: string, key: NewKey): Promise<KeyRow> {
      return await sql.begin(async (tx) => {
        const [account] = await tx<{ plan: PlanName }[]>`
          select plan from auth.accounts where account_id = ${accountId} for update`;
        if (!account) throw noSuchAccount();
        const [{ active }] = await tx<[{ active: number }]>`
          select count(*) as active from auth.keys where account_id = ${accountId} and status = 'active'`;
        const max = activeKeysMax(account.plan);
        if (active >= max) {
          throw new Failure(
            "KEY_LIMIT_REACHED",
            `The ${account.plan} plan allows ${max} active key. Rotate or revoke it, or move to Enterprise for more.`,
          );
        }
        const [row] = await insertKey(tx, accountId, key);
        return row;
      });
    },

    async listKeys(accountId: string): Promise<KeyRow[]> {
      return await sql<KeyRow[]>`
        select ${keyColumns} from auth.keys where account_id = ${accountId} order by created_at desc, key_id desc`;
    },

    /** Ends the old key and stores the new one under its name. Fails with KEY_NOT_ACTIVE if the old one is dead. */
    async rotateKey(keyId: string, accountId: string, key: Omit<NewKey, "name">) {
      return await sql.begin(async (tx) => {
        const [old] = await tx<KeyRow[]>`
          select ${keyColumns} from auth.keys
          where key_id = ${keyId} ${accountId ? tx`and account_id = ${accountId}` : tx``} for update`;
        if (!old) throw noSuchKey();
        if (old.status !== "active") throw new Failure("KEY_NOT_ACTIVE", `The key was ${old.status} already.`);
        await tx`update auth.keys set status = 'rotated', ended_at = now() where key_id = ${keyId}`;
        const [row] = await insertKey(tx, old.accountId, { ...key, name: old.name });
        return { key: row, staleHashes: [old.keyHash] };
      });
    },

    /** Ends a key for good. A key that was rotated away stays rotated: it is dead either way. */
    async revokeKey(keyId: string, accountId: string) {
      return await sql.begin(async (tx) => {
        const [key] = await tx<KeyRow[]>`
          update auth.keys
          set ended_at = case when status = 'active' then now() else ended_at end,
              status = case when status = 'active' then 'revoked' else status end
          where key_id = ${keyId} ${accountId ? tx`and account_id = ${accountId}` : tx``}
          returning ${keyColumns}`;
        if (!key) throw noSuchKey();
        return { key, staleHashes: [key.keyHash] };
      });
    },

    /** The keys behind these hashes, in any order; unknown hashes are missing. */
    async resolveKeys(hashes: Uint8Array[]): Promise<ResolvedRow[]> {
      const hexes = hashes.map((hash) => Buffer.from(hash).toString("hex"));
      return await sql<ResolvedRow[]>`
        select k.key_id as "keyId", k.account_id as "accountId", k.key_hash as "keyHash", k.status,
          a.disabled, a.per_minute as "perMinute", a.per_day as "perDay"
        from auth.keys k join auth.accounts a using (account_id)
        where k.key_hash in (select decode(hex, 'hex') from unnest(${hexes}::text[]) as h (hex))`;
    },
  });
}
