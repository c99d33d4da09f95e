import { ServiceError } from "../../../platform/errors.ts";
import { newId } from "../../../platform/ids.ts";
import type { Tx } from "../../../platform/postgres/pool.ts";
import { rotateAfterDays } from "../domain/keys.ts";
import { type MailCause, mailSubject, mailsPerHourMax, waitingMailsMax } from "../domain/mail-limits.ts";
import { listKeys, type MailDetails, type MailKind } from "../domain/mails.ts";
import { sha256 } from "../domain/tokens.ts";

export type NewMail = {
  [Kind in MailKind]: { kind: Kind; email: string; accountId: string; cause: MailCause; details: MailDetails[Kind] };
}[MailKind];

interface OwnedKey {
  accountId: string;
  name: string;
  prefix: string;
  last4: string;
}

/** Mails to be sent, written in the transactions of what causes them. */
export interface Outbox {
  /** Whether mail is sent here at all. */
  isOn: boolean;
  /**
   * Throws UNAVAILABLE while too many mails wait. Called for each mail that a stranger asks for before it is looked at whether
   * there will be one, so that the error does not tell.
   */
  requireRoom(tx: Tx): Promise<void>;
  /**
   * Adds a mail. Must be the last step of its transaction, since it locks the counts of the recipient. Returns whether it
   * will be sent: not if mail is off, or if the recipient got too many in this hour.
   */
  add(tx: Tx, mail: NewMail): Promise<boolean>;
  /** Adds a mail about some keys to the owner of each. Must be the last step of its transaction, like `add`. */
  addAboutKeys(tx: Tx, kind: "keys-leaked" | "keys-old", keys: OwnedKey[]): Promise<void>;
  /** Notes the browser of a sign-in, and adds a notice if it is a new one of an account that was signed in to before. */
  noteBrowser(tx: Tx, signIn: { accountId: string; browser: string; isExpected?: boolean }): Promise<void>;
}

const hour = (tx: Tx) => tx`floor(extract(epoch from now()) / 3600)::bigint`;

/** Adds to the mails of a subject in the current hour. Returns their number. */
export async function countMail(tx: Tx, subject: Buffer): Promise<number> {
  const [row] = await tx<[{ mails: number }]>`
    insert into auth.mail_counts as c (subject, time_hour, mails) values (${subject}, ${hour(tx)}, 1)
    on conflict (subject, time_hour) do update set mails = c.mails + 1 returning mails`;
  return row.mails;
}

export function createOutbox({ isOn }: { isOn: boolean }): Outbox {
  async function add(tx: Tx, { kind, email, accountId, cause, details }: NewMail): Promise<boolean> {
    if (!isOn) return false;
    const subject = mailSubject(cause === "asked" ? kind : cause, email);
    if ((await countMail(tx, subject)) > mailsPerHourMax[cause]) return false;
    await tx`
      insert into auth.mails (mail_id, kind, email, account_id, details)
      values (${newId()}, ${kind}, ${email}, ${accountId}, ${JSON.stringify(details)})`;
    return true;
  }

  return {
    isOn,
    async requireRoom(tx) {
      const [{ waiting }] = await tx<[{ waiting: number }]>`
        select count(*) as waiting from (select 1 from auth.mails limit ${waitingMailsMax}) as m`;
      if (waiting < waitingMailsMax) return;
      throw new ServiceError("UNAVAILABLE", "Too many mails wait to be sent. Try again later.", { retryAfterS: 60 });
    },
    add,
    async addAboutKeys(tx, kind, keys) {
      if (!isOn || keys.length === 0) return;
      const byAccount = Map.groupBy(keys, ({ accountId }) => accountId);
      const accounts = await tx<{ accountId: string; email: string }[]>`
        select account_id as "accountId", email from auth.accounts where account_id = any(${[...byAccount.keys()]}::text[])
        order by email`;
      for (const account of accounts) {
        const list = listKeys(byAccount.get(account.accountId) ?? []);
        const to = { ...account, cause: "notice" } as const;
        if (kind === "keys-old") await add(tx, { kind, ...to, details: { ...list, days: rotateAfterDays } });
        else await add(tx, { kind, ...to, details: list });
      }
    },
    async noteBrowser(tx, { accountId, browser, isExpected = false }) {
      if (!isOn) return;
      const hash = sha256(JSON.stringify(["browser", accountId, browser]));
      const [known] = await tx<[{ all: number; same: number }]>`
        select count(*) as "all", count(*) filter (where browser_hash = ${hash}) as same
        from auth.known_browsers where account_id = ${accountId}`;
      await tx`
        insert into auth.known_browsers (account_id, browser_hash, last_at) values (${accountId}, ${hash}, now())
        on conflict (account_id, browser_hash) do update set last_at = excluded.last_at`;
      if (isExpected || known.all === 0 || known.same > 0) return;
      const [account] = await tx<[{ email: string }]>`select email from auth.accounts where account_id = ${accountId}`;
      const mail = { email: account.email, accountId, cause: "notice", details: { browser } } as const;
      await add(tx, { kind: "new-sign-in", ...mail });
    },
  };
}
