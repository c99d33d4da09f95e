import { newId } from "../../../platform/ids.ts";
import { cleanStore, violates } from "../../../platform/postgres/errors.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { RateLimitKey } from "../../../platform/rate-limit-key.ts";
import type { Actor } from "../domain/audit.ts";
import { mailSubject, requestsPerHourMax } from "../domain/mail-limits.ts";
import { fixedLimits } from "../domain/plans.ts";
import type { NewSession } from "../domain/tokens.ts";
import { replaceEmail } from "./accounts.ts";
import { appendToAudit } from "./audit.ts";
import { countMail, type Outbox } from "./outbox.ts";
import { closeAllIn, insertSession } from "./sessions.ts";

export type MailLinkPurpose = "sign-up" | "password-reset" | "email-change";

export interface MailLink {
  purpose: MailLinkPurpose;
  accountId: string;
  email: string;
  expiresAt: Date;
}

/** Who uses a link, and what follows from it. */
export interface LinkUse {
  tokenHash: Buffer;
  actor(accountId: string): Actor;
}

export type MailLinkStore = ReturnType<typeof createMailLinkStore>;

/** Deletes a link that works, in the transaction of what it does. */
async function takeLink(tx: Tx, purpose: MailLinkPurpose, tokenHash: Buffer): Promise<MailLink | undefined> {
  const [link] = await tx<MailLink[]>`
    delete from auth.mail_links where token_hash = ${tokenHash} and purpose = ${purpose} and expires_at > now()
    returning purpose, account_id as "accountId", email, expires_at as "expiresAt"`;
  return link;
}

/** Links that mails carry, and requests for them, in Postgres. Each method is one transaction. */
export function createMailLinkStore(sql: Sql, outbox: Outbox) {
  return cleanStore({
    /** Counts a request for mail under the networks of its address. Returns whether one of them made too many in this hour. */
    async isLimited(networks: RateLimitKey[]): Promise<boolean> {
      return await sql.begin(async (tx) => {
        let isLimited = false;
        for (const { key, times } of networks) {
          if ((await countMail(tx, mailSubject("network", key))) > requestsPerHourMax * times) isLimited = true;
        }
        return isLimited;
      });
    },

    /** Adds a mail with a sign-up link; for an address that has an account, a mail that says so. */
    async requestSignUp(email: string): Promise<void> {
      await sql.begin(async (tx) => {
        await outbox.requireRoom(tx);
        const [account] = await tx<{ accountId: string }[]>`
          select account_id as "accountId" from auth.accounts where email = ${email}`;
        await outbox.add(tx, {
          kind: account ? "address-known" : "sign-up",
          accountId: account?.accountId ?? newId(),
          ...{ email, cause: "asked", details: {} },
        });
      });
    },

    /** Adds a mail with a reset link to the account of an address, if there is one that is not disabled. */
    async requestPasswordReset(email: string): Promise<void> {
      await sql.begin(async (tx) => {
        await outbox.requireRoom(tx);
        const [account] = await tx<{ accountId: string }[]>`
          select account_id as "accountId" from auth.accounts where email = ${email} and not disabled`;
        if (!account) return;
        await outbox.add(tx, { kind: "password-reset", ...account, email, cause: "asked", details: {} });
      });
    },

    /** Adds a mail to the new address of an account; if the address has another account, one that says so. */
    async requestEmailChange(accountId: string, email: string): Promise<void> {
      await sql.begin(async (tx) => {
        await outbox.requireRoom(tx);
        const [other] = await tx<{ accountId: string }[]>`
          select account_id as "accountId" from auth.accounts where email = ${email}`;
        await outbox.add(tx, {
          kind: other ? "address-known" : "email-change",
          accountId: other?.accountId ?? accountId,
          ...{ email, cause: "asked", details: {} },
        });
      });
    },

    async find(tokenHash: Buffer): Promise<MailLink | undefined> {
      const [link] = await sql<MailLink[]>`
        select purpose, account_id as "accountId", email, expires_at as "expiresAt"
        from auth.mail_links where token_hash = ${tokenHash} and expires_at > now()`;
      return link;
    },

    /** Creates the account of a sign-up link. Returns its id, or why none was created. */
    async confirmSignUp(
      { tokenHash, actor }: LinkUse,
      { passwordHash, session, browser }: { passwordHash: string; session: NewSession; browser: string },
    ): Promise<{ accountId: string } | "unknown" | "taken"> {
      return await sql.begin(async (tx) => {
        const link = await takeLink(tx, "sign-up", tokenHash);
        if (!link) return "unknown";
        const { accountId, email } = link;
        const { perMinute, perDay } = fixedLimits.free;
        const made = await tx`
          insert into auth.accounts (account_id, email, plan, per_minute, per_day, password_hash)
          values (${accountId}, ${email}, 'free', ${perMinute}, ${perDay}, ${passwordHash})
          on conflict on constraint accounts_email_unique do nothing returning 1`;
        if (made.length === 0) return "taken";
        await tx`delete from auth.mail_links where email = ${email} and purpose = 'sign-up'`;
        await insertSession(tx, accountId, session);
        await appendToAudit(tx, actor(accountId), { action: "account.sign-up", accountId, details: { plan: "free" } });
        await outbox.noteBrowser(tx, { accountId, browser });
        return { accountId };
      });
    },

    /** Sets the password of the account of a reset link, and leaves one new session. Returns its id; undefined if it cannot be used. */
    async resetPassword(
      { tokenHash, actor }: LinkUse,
      { passwordHash, session, browser }: { passwordHash: string; session: NewSession; browser: string },
    ): Promise<string | undefined> {
      return await sql.begin(async (tx) => {
        const link = await takeLink(tx, "password-reset", tokenHash);
        if (!link) return undefined;
        const { accountId, email } = link;
        const changed = await tx`
          update auth.accounts set password_hash = ${passwordHash}
          where account_id = ${accountId} and email = ${email} and not disabled returning 1`;
        if (changed.length === 0) return undefined;
        await closeAllIn(tx, accountId);
        await insertSession(tx, accountId, session);
        await appendToAudit(tx, actor(accountId), { action: "password.reset", accountId });
        await outbox.noteBrowser(tx, { accountId, browser, isExpected: true });
        await outbox.add(tx, { kind: "password-changed", email, accountId, cause: "notice", details: {} });
        return accountId;
      });
    },

    /** Gives the account of a link its new address. Returns the address, or why it was not changed. */
    async confirmEmail({ tokenHash, actor }: LinkUse): Promise<{ email: string } | "unknown" | "taken"> {
      const change = async (tx: Tx) => {
        const link = await takeLink(tx, "email-change", tokenHash);
        if (!link) return "unknown";
        const { accountId, email } = link;
        return await replaceEmail(tx, outbox, actor(accountId), accountId, email);
      };
      return await sql.begin(change).catch((error) => {
        if (violates(error, "accounts_email_unique")) return "taken" as const;
        throw error;
      });
    },
  });
}
