import { cleanStore, type Sql, violates } from "../../../platform/postgres/pool.ts";
import type { PlanLimits } from "../domain/plans.ts";
import type { NewSession } from "../domain/tokens.ts";
import { windowMs } from "../sign-in-limits.ts";
import { type Actor, appendToAudit } from "./audit.ts";

export interface Credentials {
  accountId: string;
  passwordHash: string | null;
  disabled: boolean;
}

export interface ResolvedSession {
  accountId: string;
  email: string;
  passwordHash: string | null;
  expiresAt: Date;
  /** Whether a new password may be set without the old one. */
  maySetPassword: boolean;
}

/** Rows that one statement of the trimming deletes at most. */
const trimRowsMax = 10_000;
/** Days for which an address that an account was signed in to from is known, since the last time. */
const knownDays = 400;

export type SessionStore = ReturnType<typeof createSessionStore>;

/** People's passwords and sessions in Postgres. Each method is one transaction. */
export function createSessionStore(sql: Sql) {
  return cleanStore({
    /** Makes an account on the free plan with a password; tells whether the e-mail was free. */
    async signUp(actor: Actor, account: { accountId: string; email: string; passwordHash: string } & PlanLimits) {
      const { accountId, email, passwordHash, perMinute, perDay } = account;
      try {
        await sql.begin(async (tx) => {
          await tx`
            insert into auth.accounts (account_id, email, plan, per_minute, per_day, password_hash)
            values (${accountId}, ${email}, 'free', ${perMinute}, ${perDay}, ${passwordHash})`;
          await appendToAudit(tx, actor, { action: "account.sign-up", accountId, details: { plan: "free" } });
        });
        return true;
      } catch (error) {
        if (violates(error, "accounts_email_unique")) return false;
        throw error;
      }
    },

    async credentials(email: string): Promise<Credentials | undefined> {
      const [row] = await sql<Credentials[]>`
        select account_id as "accountId", password_hash as "passwordHash", disabled
        from auth.accounts where email = ${email}`;
      return row;
    },

    /** Whether the account was signed in to from this address before. */
    async isKnown(accountId: string, addressHash: Buffer): Promise<boolean> {
      const found = await sql`
        select 1 from auth.known_addresses where account_id = ${accountId} and address_hash = ${addressHash}`;
      return found.length > 0;
    },

    /** Adds to the failures counted under some subjects, and answers how many each has then. */
    async count(subjects: Buffer[], by: 1 | -1, nowMs: number): Promise<number[]> {
      const window = Math.floor(nowMs / windowMs);
      const hexes = subjects.map((subject) => subject.toString("hex"));
      const rows = await sql<{ hex: string; failures: number }[]>`
        insert into auth.sign_in_failures as f (subject, time_window, failures)
        select decode(hex, 'hex'), ${window}, greatest(${by}::integer, 0)
        from unnest(${[...hexes].sort()}::text[]) as h (hex)
        on conflict (subject, time_window) do update set failures = greatest(f.failures + ${by}::integer, 0)
        returning encode(subject, 'hex') as hex, failures`;
      const byHex = new Map(rows.map((row) => [row.hex, row.failures]));
      return hexes.map((hex) => byHex.get(hex) ?? 0);
    },

    /** Opens a session if the password that was checked is still the account's; tells whether it is. */
    async open(accountId: string, passwordHash: string, session: NewSession, addressHash: Buffer): Promise<boolean> {
      return await sql.begin(async (tx) => {
        const [account] = await tx`
          select 1 from auth.accounts
          where account_id = ${accountId} and password_hash = ${passwordHash} and not disabled for update`;
        if (!account) return false;
        await tx`
          insert into auth.sessions (token_hash, account_id, expires_at)
          values (${session.tokenHash}, ${accountId}, ${session.expiresAt})`;
        await tx`
          insert into auth.known_addresses (account_id, address_hash, last_at)
          values (${accountId}, ${addressHash}, now())
          on conflict (account_id, address_hash) do update set last_at = excluded.last_at`;
        return true;
      });
    },

    /** Keeps a link; tells whether there is such an account. */
    async createLink(actor: Actor, accountId: string, link: NewSession): Promise<boolean> {
      return await sql.begin(async (tx) => {
        const made = await tx`
          insert into auth.sign_in_links (token_hash, account_id, expires_at)
          select ${link.tokenHash}::bytea, account_id, ${link.expiresAt}::timestamptz
          from auth.accounts where account_id = ${accountId}
          returning 1`;
        if (made.length === 0) return false;
        await appendToAudit(tx, actor, { action: "sign-in-link.create", accountId });
        return true;
      });
    },

    /** Uses a link up and opens a session; tells whose, or undefined if there is no such link any more. */
    async redeemLink(actor: (accountId: string) => Actor, tokenHash: Buffer, session: NewSession) {
      return await sql.begin(async (tx) => {
        const [link] = await tx<{ accountId: string }[]>`
          delete from auth.sign_in_links l using auth.accounts a
          where l.token_hash = ${tokenHash} and l.expires_at > now() and a.account_id = l.account_id and not a.disabled
          returning a.account_id as "accountId"`;
        if (!link) return undefined;
        const { accountId } = link;
        await tx`
          insert into auth.sessions (token_hash, account_id, expires_at, by_link)
          values (${session.tokenHash}, ${accountId}, ${session.expiresAt}, true)`;
        await appendToAudit(tx, actor(accountId), { action: "sign-in-link.use", accountId });
        return accountId;
      });
    },

    async resolve(tokenHash: Buffer) {
      const [row] = await sql<ResolvedSession[]>`
        select a.account_id as "accountId", a.email, a.password_hash as "passwordHash", s.expires_at as "expiresAt",
          a.password_hash is null or (s.by_link and s.created_at > now() - interval '1 hour') as "maySetPassword"
        from auth.sessions s join auth.accounts a using (account_id)
        where s.token_hash = ${tokenHash} and s.expires_at > now() and not a.disabled`;
      return row;
    },

    /** Removes some of what is over its time; tells whether there may be more. */
    async trim(nowMs: number): Promise<boolean> {
      const some = sql`limit ${trimRowsMax} for update skip locked`;
      const removed = [
        await sql`delete from auth.sessions where token_hash in (
          select token_hash from auth.sessions where expires_at < now() ${some})`,
        await sql`delete from auth.sign_in_links where token_hash in (
          select token_hash from auth.sign_in_links where expires_at < now() ${some})`,
        await sql`delete from auth.sign_in_failures where (subject, time_window) in (
          select subject, time_window from auth.sign_in_failures
          where time_window < ${Math.floor(nowMs / windowMs) - 1} ${some})`,
        await sql`delete from auth.known_addresses where (account_id, address_hash) in (
          select account_id, address_hash from auth.known_addresses
          where last_at < now() - ${knownDays} * interval '1 day' ${some})`,
      ];
      return removed.some(({ count }) => count === trimRowsMax);
    },

    async close(tokenHash: Buffer): Promise<void> {
      await sql`delete from auth.sessions where token_hash = ${tokenHash}`;
    },

    async closeAll(accountId: string): Promise<void> {
      await sql`delete from auth.sessions where account_id = ${accountId}`;
    },

    /** Sets a password if the old one is still the one that was checked, and leaves one new session. */
    async changePassword(
      actor: Actor,
      accountId: string,
      hashes: { before: string | null; after: string },
      session: NewSession,
    ): Promise<boolean> {
      return await sql.begin(async (tx) => {
        const changed = await tx`
          update auth.accounts set password_hash = ${hashes.after}
          where account_id = ${accountId} and password_hash is not distinct from ${hashes.before} returning 1`;
        if (changed.length === 0) return false;
        await tx`delete from auth.sessions where account_id = ${accountId}`;
        await tx`
          insert into auth.sessions (token_hash, account_id, expires_at)
          values (${session.tokenHash}, ${accountId}, ${session.expiresAt})`;
        await appendToAudit(tx, actor, { action: "password.change", accountId });
        return true;
      });
    },
  });
}
