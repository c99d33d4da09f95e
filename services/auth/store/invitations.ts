import { ServiceError } from "../../../platform/errors.ts";
import { deleteSome } from "../../../platform/postgres/delete-some.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";
import type { Actor } from "../domain/audit.ts";
import type { PlanLimits, PlanName } from "../domain/plans.ts";
import type { NewSession } from "../domain/tokens.ts";
import { appendToAudit } from "./audit.ts";
import type { Outbox } from "./outbox.ts";
import { insertSession } from "./sessions.ts";

/** Days for which an invitation can be accepted. */
export const invitationDays = 7;
/** Days for which an invitation is stored after that, so that its link can still say what became of it. */
const storedDays = 30;

export interface NewInvitation extends PlanLimits {
  accountId: string;
  email: string;
  tokenHash: Buffer;
  plan: PlanName;
}

/** Why an invitation cannot be accepted. `taken`: its address was given an account by other means. */
export type InvitationObstacle = "unknown" | "accepted" | "expired" | "taken";

/** An invitation, by its token. */
export type FoundInvitation =
  | { state: "open"; email: string; expiresAt: Date }
  | { state: Exclude<InvitationObstacle, "taken"> };

export type InvitationStore = ReturnType<typeof createInvitationStore>;

/** Invitations in Postgres, by the database's clock. Each method is one transaction. */
export function createInvitationStore(sql: Sql, outbox: Outbox) {
  const state = sql`case when accepted_at is not null then 'accepted' when expires_at <= now() then 'expired'
    else 'open' end as state`;

  return cleanStore({
    /**
     * Stores an invitation in place of an earlier one to the same address, whose account id it keeps. Returns that id and
     * until when it can be accepted. With `sendMail`, adds a mail whose link replaces the token. Throws CONFLICT if the address has
     * an account, or got too many mails.
     */
    async create(
      actor: Actor,
      invitation: NewInvitation,
      { sendMail }: { sendMail: boolean },
    ): Promise<{ accountId: string; expiresAt: Date }> {
      const { email, plan, perMinute, perDay } = invitation;
      return await sql.begin(async (tx) => {
        const [made] = await tx<{ accountId: string; expiresAt: Date }[]>`
          insert into auth.invitations as i (account_id, email, token_hash, plan, per_minute, per_day, expires_at)
          select ${invitation.accountId}::text, ${email}::text, ${invitation.tokenHash}::bytea, ${plan}::text,
            ${perMinute}::bigint, ${perDay}::bigint, now() + ${invitationDays}::integer * interval '1 day'
          where not exists (select 1 from auth.accounts where email = ${email})
          on conflict (email) do update set token_hash = excluded.token_hash, plan = excluded.plan,
            per_minute = excluded.per_minute, per_day = excluded.per_day, expires_at = excluded.expires_at
          where i.accepted_at is null
          returning i.account_id as "accountId", i.expires_at as "expiresAt"`;
        if (!made) {
          const [account] = await tx<{ accountId: string }[]>`
            select account_id as "accountId" from auth.accounts where email = ${email}`;
          throw new ServiceError(
            "CONFLICT",
            `This address has an account already. Make a link that signs in to it: account sign-in-link ${account?.accountId ?? email}`,
          );
        }
        const { accountId } = made;
        const details = { plan, perMinute, perDay };
        await appendToAudit(tx, actor, { action: "invitation.create", accountId, details });
        const mail = { kind: "invitation", accountId, email, cause: "notice", details: {} } as const;
        if (sendMail && !(await outbox.add(tx, mail))) {
          throw new ServiceError("CONFLICT", "This address got too many mails in this hour. Try again later.");
        }
        return made;
      });
    },

    /** Deletes the invitation of an address; returns whether there was one that was not accepted. */
    async delete(actor: Actor, email: string): Promise<boolean> {
      return await sql.begin(async (tx) => {
        const [gone] = await tx<{ accountId: string }[]>`
          delete from auth.invitations where email = ${email} and accepted_at is null
          returning account_id as "accountId"`;
        if (!gone) return false;
        await appendToAudit(tx, actor, { action: "invitation.delete", accountId: gone.accountId });
        return true;
      });
    },

    async find(tokenHash: Buffer): Promise<FoundInvitation> {
      const [row] = await sql<FoundInvitation[]>`
        select ${state}, email, expires_at as "expiresAt" from auth.invitations where token_hash = ${tokenHash}`;
      return row ?? { state: "unknown" };
    },

    /**
     * Creates the account of an open invitation, with this password and a session. Returns the account's id, or why none
     * was created. The invitation's row is locked, so of several calls at the same time one creates the account.
     */
    async accept(
      actor: (accountId: string) => Actor,
      tokenHash: Buffer,
      passwordHash: string,
      session: NewSession,
      { browser }: { browser: string },
    ): Promise<{ accountId: string } | InvitationObstacle> {
      return await sql.begin(async (tx) => {
        const [found] = await tx<(NewInvitation & Pick<FoundInvitation, "state">)[]>`
          select ${state}, account_id as "accountId", email, plan, per_minute as "perMinute", per_day as "perDay"
          from auth.invitations where token_hash = ${tokenHash} for update`;
        if (!found) return "unknown";
        if (found.state !== "open") return found.state;
        const { accountId, email, plan, perMinute, perDay } = found;
        const made = await tx`
          insert into auth.accounts (account_id, email, plan, per_minute, per_day, password_hash)
          values (${accountId}, ${email}, ${plan}, ${perMinute}, ${perDay}, ${passwordHash})
          on conflict on constraint accounts_email_unique do nothing returning 1`;
        if (made.length === 0) return "taken";
        await tx`update auth.invitations set accepted_at = now() where account_id = ${accountId}`;
        await insertSession(tx, accountId, session);
        const details = { plan, perMinute, perDay };
        await appendToAudit(tx, actor(accountId), { action: "invitation.accept", accountId, details });
        await outbox.noteBrowser(tx, { accountId, browser });
        return { accountId };
      });
    },

    /** Deletes some invitations that are long over. Returns whether there may be more. */
    deleteExpired: () =>
      deleteSome(
        sql,
        "auth.invitations",
        ["account_id"],
        sql`expires_at < now() - ${storedDays}::integer * interval '1 day'`,
      ),
  });
}
