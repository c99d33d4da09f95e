import { deleteSome } from "../../../platform/postgres/delete-some.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Actor } from "../domain/audit.ts";
import type { PlanName } from "../domain/plans.ts";
import type { NewSession } from "../domain/tokens.ts";
import { appendToAudit } from "./audit.ts";
import type { Outbox } from "./outbox.ts";

export interface ResolvedSession {
  accountId: string;
  email: string;
  passwordHash: string | null;
  expiresAt: Date;
  /** Whether a new password may be set without the old one. */
  maySetPassword: boolean;
  plan: PlanName;
  perMinute: number;
  perDay: number;
}

export type SessionStore = ReturnType<typeof createSessionStore>;

/** Returns when a session or link expires that is stored now. The database's clock decides, as it does when one is used. */
export function lifetimeEnd(tx: Tx, { lifetimeMs }: NewSession) {
  return tx`now() + ${lifetimeMs}::float8 * interval '1 ms'`;
}

/** Stores a session in the transaction of what opens it. */
export async function insertSession(tx: Tx, accountId: string, session: NewSession, { byLink = false } = {}) {
  await tx`
    insert into auth.sessions (token_hash, account_id, expires_at, by_link)
    values (${session.tokenHash}, ${accountId}, ${lifetimeEnd(tx, session)}, ${byLink})`;
}

/** Ends every way into an account that is open without its password, in the transaction of what makes that necessary. */
export async function closeAllIn(tx: Tx, accountId: string): Promise<void> {
  await tx`delete from auth.sessions where account_id = ${accountId}`;
  await tx`delete from auth.sign_in_links where account_id = ${accountId}`;
  await tx`delete from auth.mail_links where account_id = ${accountId}`;
  await tx`
    delete from auth.mails where account_id = ${accountId} and kind in ('password-reset', 'email-change')`;
}

/** Sessions in Postgres. Each method is one transaction. */
export function createSessionStore(sql: Sql, outbox: Outbox) {
  return cleanStore({
    /**
     * Opens a session and remembers the address and the browser, if the password that was checked is still the account's.
     * Returns whether it is.
     */
    async open(
      accountId: string,
      passwordHash: string,
      session: NewSession,
      from: { addressHash: Buffer; browser: string },
    ): Promise<boolean> {
      return await sql.begin(async (tx) => {
        const [account] = await tx`
          select 1 from auth.accounts
          where account_id = ${accountId} and password_hash = ${passwordHash} and not disabled for update`;
        if (!account) return false;
        await insertSession(tx, accountId, session);
        await tx`
          insert into auth.known_addresses (account_id, address_hash, last_at)
          values (${accountId}, ${from.addressHash}, now())
          on conflict (account_id, address_hash) do update set last_at = excluded.last_at`;
        await outbox.noteBrowser(tx, { accountId, browser: from.browser });
        return true;
      });
    },

    /** Returns the session of a token with its account; undefined if it has expired or the account is disabled. */
    async resolve(tokenHash: Buffer) {
      const [row] = await sql<ResolvedSession[]>`
        select a.account_id as "accountId", a.email, a.password_hash as "passwordHash", s.expires_at as "expiresAt",
          a.password_hash is null or (s.by_link and s.created_at > now() - interval '1 hour') as "maySetPassword",
          a.plan, a.per_minute as "perMinute", a.per_day as "perDay"
        from auth.sessions s join auth.accounts a using (account_id)
        where s.token_hash = ${tokenHash} and s.expires_at > now() and not a.disabled`;
      return row;
    },

    async close(tokenHash: Buffer): Promise<void> {
      await sql`delete from auth.sessions where token_hash = ${tokenHash}`;
    },

    /** Ends every way into an account that is open without its password: its sessions, and links that are not used yet. */
    async closeAll(accountId: string): Promise<void> {
      await sql.begin((tx) => closeAllIn(tx, accountId));
    },

    /** Sets a password if the old one is still the one that was checked, and leaves one new session. Returns whether it is. */
    async changePassword(
      actor: Actor,
      accountId: string,
      hashes: { before: string | null; after: string },
      session: NewSession,
    ): Promise<boolean> {
      return await sql.begin(async (tx) => {
        const [changed] = await tx<{ email: string }[]>`
          update auth.accounts set password_hash = ${hashes.after}
          where account_id = ${accountId} and password_hash is not distinct from ${hashes.before} returning email`;
        if (!changed) return false;
        await closeAllIn(tx, accountId);
        await insertSession(tx, accountId, session);
        await appendToAudit(tx, actor, { action: "password.change", accountId });
        await outbox.add(tx, { kind: "password-changed", ...changed, accountId, cause: "notice", details: {} });
        return true;
      });
    },

    /** Deletes some expired sessions. Returns whether there may be more. */
    deleteExpired: () => deleteSome(sql, "auth.sessions", ["token_hash"], sql`expires_at < now()`),
  });
}
