import { deleteSome } from "../../../platform/postgres/delete-some.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";
import type { Actor } from "../domain/audit.ts";
import type { NewSession } from "../domain/tokens.ts";
import { appendToAudit } from "./audit.ts";
import type { Outbox } from "./outbox.ts";
import { insertSession, lifetimeEnd } from "./sessions.ts";

export type SignInLinkStore = ReturnType<typeof createSignInLinkStore>;

/** One-time sign-in links in Postgres. Each method is one transaction. */
export function createSignInLinkStore(sql: Sql, outbox: Outbox) {
  return cleanStore({
    /** Stores a link. Returns false if there is no such account. */
    async create(actor: Actor, accountId: string, link: NewSession): Promise<boolean> {
      return await sql.begin(async (tx) => {
        const made = await tx`
          insert into auth.sign_in_links (token_hash, account_id, expires_at)
          select ${link.tokenHash}::bytea, account_id, ${lifetimeEnd(tx, link)}
          from auth.accounts where account_id = ${accountId}
          returning 1`;
        if (made.length === 0) return false;
        await appendToAudit(tx, actor, { action: "sign-in-link.create", accountId });
        return true;
      });
    },

    /** Deletes a link and opens a session. Returns the account's id, or undefined if the link cannot be used (any more). */
    async redeem(
      actor: (accountId: string) => Actor,
      tokenHash: Buffer,
      session: NewSession,
      { browser }: { browser: string },
    ) {
      return await sql.begin(async (tx) => {
        const [link] = await tx<{ accountId: string }[]>`
          delete from auth.sign_in_links l using auth.accounts a
          where l.token_hash = ${tokenHash} and l.expires_at > now() and a.account_id = l.account_id and not a.disabled
          returning a.account_id as "accountId"`;
        if (!link) return undefined;
        const { accountId } = link;
        await insertSession(tx, accountId, session, { byLink: true });
        await appendToAudit(tx, actor(accountId), { action: "sign-in-link.use", accountId });
        await outbox.noteBrowser(tx, { accountId, browser });
        return accountId;
      });
    },

    /** Deletes some expired links. Returns whether there may be more. */
    deleteExpired: () => deleteSome(sql, "auth.sign_in_links", ["token_hash"], sql`expires_at < now()`),
  });
}
