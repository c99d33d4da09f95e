import { deleteSome } from "../../../platform/postgres/delete-some.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import { retryDays } from "../domain/mail-limits.ts";
import { hasLink, type LinkKind, linkLifetimeMs, type MailDetails, type MailKind } from "../domain/mails.ts";

/** A mail whose turn it is. */
export type DueMail = {
  [Kind in MailKind]: { kind: Kind; details: MailDetails[Kind] };
}[MailKind] & {
  mailId: string;
  email: string;
  accountId: string;
  createdAt: Date;
  /** Tries so far, this one included. */
  tries: number;
  /** Whether it was tried for long enough. */
  isOver: boolean;
};

export type MailStore = ReturnType<typeof createMailStore>;

/** Stores what a link's token opens, unless that is no longer possible. Returns whether it is. */
async function storeLink(tx: Tx, kind: LinkKind, mail: DueMail, tokenHash: Buffer): Promise<boolean> {
  const { accountId, email } = mail;
  const lifetime = tx`${linkLifetimeMs(kind)} * interval '1 millisecond'`;
  if (kind === "invitation") {
    const { count } = await tx`
      update auth.invitations set token_hash = ${tokenHash}, expires_at = now() + ${lifetime}
      where account_id = ${accountId} and email = ${email} and accepted_at is null`;
    return count === 1;
  }
  const isStill = {
    "sign-up": tx`not exists (select 1 from auth.accounts where email = ${email})`,
    "password-reset": tx`exists (
      select 1 from auth.accounts where account_id = ${accountId} and email = ${email} and not disabled)`,
    "email-change": tx`exists (select 1 from auth.accounts where account_id = ${accountId} and not disabled)`,
  }[kind];
  const { count } = await tx`
    insert into auth.mail_links (token_hash, purpose, account_id, email, expires_at)
    select ${tokenHash}::bytea, ${kind}::text, ${accountId}::text, ${email}::text, now() + ${lifetime} where ${isStill}`;
  return count === 1;
}

/** Mails that wait to be sent, in Postgres. Each method is one transaction. */
export function createMailStore(sql: Sql) {
  return cleanStore({
    /**
     * Takes the mail that is due for longest: no other process gets it for `leaseMs`. If it carries a link, stores the hash of
     * the link's token; a mail whose link would open nothing is deleted. Returns undefined if none is due.
     */
    async take(tokenHash: Buffer, leaseMs: number): Promise<DueMail | "void" | undefined> {
      return await sql.begin(async (tx) => {
        const [row] = await tx<(DueMail & { json: string })[]>`
          update auth.mails set tries = tries + 1, due_at = now() + ${leaseMs} * interval '1 millisecond'
          where mail_id = (
            select mail_id from auth.mails where due_at <= now() order by due_at limit 1 for update skip locked)
          returning mail_id as "mailId", kind, email, account_id as "accountId", details as json,
            created_at as "createdAt", tries, created_at < now() - ${retryDays} * interval '1 day' as "isOver"`;
        if (!row) return undefined;
        const { json, ...mail } = row;
        const due: DueMail = Object.assign(mail, { details: JSON.parse(json) });
        if (due.isOver || !hasLink(due.kind) || (await storeLink(tx, due.kind, due, tokenHash))) return due;
        await tx`delete from auth.mails where mail_id = ${due.mailId}`;
        return "void";
      });
    },

    /** Deletes a mail: it was sent, or is given up. */
    async delete(mailId: string): Promise<void> {
      await sql`delete from auth.mails where mail_id = ${mailId}`;
    },

    /** Puts a mail off. */
    async retry(mailId: string, delayMs: number): Promise<void> {
      await sql`
        update auth.mails set due_at = now() + ${delayMs} * interval '1 millisecond' where mail_id = ${mailId}`;
    },

    /** Deletes some expired links, counts of past hours, and browsers not used for 400 days. Returns whether there may be more. */
    async deleteExpired(): Promise<boolean> {
      const isPastHour = sql`time_hour < floor(extract(epoch from now()) / 3600) - 1`;
      const isForgotten = sql`last_at < now() - interval '400 days'`;
      const more = [
        await deleteSome(sql, "auth.mail_links", ["token_hash"], sql`expires_at < now()`),
        await deleteSome(sql, "auth.mail_counts", ["subject", "time_hour"], isPastHour),
        await deleteSome(sql, "auth.known_browsers", ["account_id", "browser_hash"], isForgotten),
      ];
      return more.includes(true);
    },
  });
}
