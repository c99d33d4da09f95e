import { ServiceError } from "../../../platform/errors.ts";
import { cleanStore, violates } from "../../../platform/postgres/errors.ts";
import { type Cursor, type Page, paginate } from "../../../platform/postgres/pagination.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Actor } from "../domain/audit.ts";
import { activeKeysMax, type PlanLimits, type PlanName } from "../domain/plans.ts";
import { appendToAudit } from "./audit.ts";
import { appendKeysToLog } from "./key-log.ts";
import type { Outbox } from "./outbox.ts";
import { closeAllIn } from "./sessions.ts";
import { putTakedowns } from "./takedowns.ts";

export interface AccountRow {
  accountId: string;
  email: string;
  plan: PlanName;
  perMinute: number;
  perDay: number;
  disabled: boolean;
  createdAt: Date;
}

export interface Credentials {
  accountId: string;
  passwordHash: string | null;
  disabled: boolean;
}

export type AccountStore = ReturnType<typeof createAccountStore>;

export const noSuchAccount = () => new ServiceError("NOT_FOUND", "There is no such account.");

/** Columns of an account that an operator may change. */
const changeable = ["plan", "perMinute", "perDay", "disabled"] as const;

const columnsOf = (sql: Sql | Tx) => sql`account_id as "accountId", email, plan, per_minute as "perMinute",
  per_day as "perDay", disabled, created_at as "createdAt"`;

/**
 * Gives an account another e-mail address and ends its sessions and links, in a transaction of its own. Adds a notice to the
 * old address. Returns the account, or why its address was not changed.
 */
export async function replaceEmail(
  tx: Tx,
  outbox: Outbox,
  actor: Actor,
  accountId: string,
  email: string,
): Promise<AccountRow | "unknown" | "taken"> {
  const [before] = await tx<AccountRow[]>`
    select ${columnsOf(tx)} from auth.accounts where account_id = ${accountId} for update`;
  if (!before) return "unknown";
  if (before.email === email) return before;
  const changed = await tx`
    update auth.accounts set email = ${email} where account_id = ${accountId}
      and not exists (select 1 from auth.accounts where email = ${email}) returning 1`;
  if (changed.length === 0) return "taken";
  await closeAllIn(tx, accountId);
  await appendToAudit(tx, actor, { action: "account.set-email", accountId });
  await outbox.add(tx, { kind: "email-changed", email: before.email, accountId, cause: "notice", details: {} });
  return { ...before, email };
}

/** Accounts in Postgres. Each method is one transaction. */
export function createAccountStore(sql: Sql, outbox: Outbox) {
  const columns = columnsOf(sql);

  /**
   * Changes an account, if that changes anything, and logs the keys whose answers that changes. Returns also what is to be
   * handed over to qr.
   */
  async function changeAccount(
    actor: Actor,
    accountId: string,
    action: string,
    change: Partial<Pick<AccountRow, (typeof changeable)[number]>>,
  ) {
    return await sql.begin(async (tx) => {
      const [before] = await tx<AccountRow[]>`
        select ${columns} from auth.accounts where account_id = ${accountId} for update`;
      if (!before) throw noSuchAccount();
      const account = { ...before, ...change };
      const changed = changeable.some((name) => account[name] !== before[name]);
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
      const takedowns =
        change.disabled === undefined
          ? []
          : await putTakedowns(tx, [{ accountId, codeId: "", takenDown: change.disabled, reason: "" }]);
      const keys = await tx<{ keyHash: Buffer }[]>`
        select key_hash as "keyHash" from auth.keys where account_id = ${accountId} and status = 'active'`;
      // Logged even if nothing changed: a caller that repeats a call whose answer was lost waits for the same promise.
      const entries = await appendKeysToLog(
        tx,
        keys.map((key) => key.keyHash),
      );
      return { account, entries, takedowns };
    });
  }

  return cleanStore({
    /** Creates an account without a password. Throws CONFLICT if the e-mail address has one. */
    async create(actor: Actor, account: { accountId: string; email: string; plan: PlanName } & PlanLimits) {
      const { accountId, email, plan, perMinute, perDay } = account;
      return await sql.begin(async (tx) => {
        const [row] = await tx<AccountRow[]>`
          insert into auth.accounts (account_id, email, plan, per_minute, per_day)
          values (${accountId}, ${email}, ${plan}, ${perMinute}, ${perDay})
          on conflict on constraint accounts_email_unique do nothing returning ${columns}`;
        if (!row) throw new ServiceError("CONFLICT", "An account with this e-mail exists already.");
        const details = { plan, perMinute, perDay };
        await appendToAudit(tx, actor, { action: "account.create", accountId, details });
        return row;
      });
    },

    /** Creates an account on the free plan with a password. Returns false if the e-mail address has an account. */
    async signUp(actor: Actor, account: { accountId: string; email: string; passwordHash: string } & PlanLimits) {
      const { accountId, email, passwordHash, perMinute, perDay } = account;
      return await sql.begin(async (tx) => {
        const made = await tx`
          insert into auth.accounts (account_id, email, plan, per_minute, per_day, password_hash)
          values (${accountId}, ${email}, 'free', ${perMinute}, ${perDay}, ${passwordHash})
          on conflict on constraint accounts_email_unique do nothing returning 1`;
        if (made.length === 0) return false;
        await appendToAudit(tx, actor, { action: "account.sign-up", accountId, details: { plan: "free" } });
        return true;
      });
    },

    /** Returns an account. Throws NOT_FOUND if there is none with this id. */
    async get(accountId: string): Promise<AccountRow> {
      const [row] = await sql<AccountRow[]>`
        select ${columns} from auth.accounts where account_id = ${accountId}`;
      if (!row) throw noSuchAccount();
      return row;
    },

    /** Returns the account of an e-mail address. Throws NOT_FOUND if there is none. */
    async getByEmail(email: string): Promise<AccountRow> {
      const [row] = await sql<AccountRow[]>`select ${columns} from auth.accounts where email = ${email}`;
      if (!row) throw noSuchAccount();
      return row;
    },

    /** Gives an account another e-mail address. Throws CONFLICT if another account has it. */
    async setEmail(actor: Actor, accountId: string, email: string): Promise<AccountRow> {
      const replaced = await sql
        .begin((tx) => replaceEmail(tx, outbox, actor, accountId, email))
        .catch((error) => {
          if (violates(error, "accounts_email_unique")) return "taken" as const;
          throw error;
        });
      if (replaced === "unknown") throw noSuchAccount();
      if (replaced === "taken") throw new ServiceError("CONFLICT", "Another account has this e-mail address.");
      return replaced;
    },

    /** Lists accounts, newest first. */
    async list(size: number, after: Cursor | undefined): Promise<Page<AccountRow>> {
      const found = await sql<AccountRow[]>`
        select ${columns} from auth.accounts
        ${after ? sql`where (created_at, account_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by created_at desc, account_id desc limit ${size + 1}`;
      return paginate(found, size, (row) => ({ createdAt: row.createdAt, id: row.accountId }));
    },

    /** Returns what a sign-in to an e-mail address is checked against; undefined if it has no account. */
    async credentials(email: string): Promise<Credentials | undefined> {
      const [row] = await sql<Credentials[]>`
        select account_id as "accountId", password_hash as "passwordHash", disabled
        from auth.accounts where email = ${email}`;
      return row;
    },

    setPlan: (actor: Actor, accountId: string, plan: PlanName, limits: PlanLimits) =>
      changeAccount(actor, accountId, "account.set-plan", { plan, ...limits }),

    setDisabled: (actor: Actor, accountId: string, disabled: boolean) =>
      changeAccount(actor, accountId, disabled ? "account.disable" : "account.enable", { disabled }),
  });
}
