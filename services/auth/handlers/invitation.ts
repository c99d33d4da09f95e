import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Plan } from "../../../gen/qrforge/auth/v1/account_pb.ts";
import { InvitationService } from "../../../gen/qrforge/auth/v1/invitation_pb.ts";
import { type FieldIssue, ServiceError, throwIfFieldIssues } from "../../../platform/errors.ts";
import { newId, newToken } from "../../../platform/ids.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { passwordIssue } from "../domain/passwords.ts";
import { normalizeEmail } from "../domain/plans.ts";
import { requireInvitations, type SignUp } from "../domain/sign-up.ts";
import { newSession, sha256 } from "../domain/tokens.ts";
import type { PasswordHasher } from "../passwords/hasher.ts";
import { type InvitationObstacle, type InvitationStore, invitationDays } from "../store/invitations.ts";
import { requestActor, userActor } from "./actor.ts";
import { browserName, readEmail, readPlan } from "./requests.ts";
import { toSession } from "./session.ts";

export interface InvitationDependencies {
  invitations: InvitationStore;
  passwords: PasswordHasher;
  clock: Clock;
  /** Duration of a session, in ms. */
  sessionMs: number;
  signUp: SignUp;
  /** Whether mail is sent. */
  hasMail: boolean;
}

const obstacles: Record<InvitationObstacle, () => ServiceError> = {
  unknown: () =>
    new ServiceError(
      "UNAUTHORIZED",
      "This invitation is not known. Check that the whole link was opened, and that it is the newest one you were sent.",
    ),
  accepted: () =>
    new ServiceError("UNAUTHORIZED", "This invitation was used before. Sign in with the password that was set then."),
  expired: () =>
    new ServiceError("UNAUTHORIZED", `This invitation is over ${invitationDays} days old. Ask for a new one.`),
  taken: () =>
    new ServiceError(
      "CONFLICT",
      "This address has an account already. Sign in, or ask the operator for a sign-in link.",
    ),
};

/** Creates the handlers of InvitationService. A token has 256 random bits, so guesses need no limit here. */
export function createInvitationService(dependencies: InvitationDependencies): Implementation {
  const { invitations, passwords, signUp, hasMail } = dependencies;

  async function findOpen(token: string) {
    requireInvitations(signUp);
    const found = await invitations.find(sha256(token));
    if (found.state !== "open") throw obstacles[found.state]();
    return found;
  }

  return implement(InvitationService, {
    async createInvitation(request, context) {
      if (signUp === "closed") {
        throw new ServiceError(
          "FORBIDDEN",
          "Nobody could accept an invitation: auth runs with SIGN_UP=closed. Set SIGN_UP=invited, or create the account " +
            "(account create) and send a link to it (account sign-in-link).",
        );
      }
      const issues: FieldIssue[] = [];
      const email = readEmail(request.email, issues);
      const { plan, limits } = readPlan({ plan: request.plan || Plan.FREE, limits: request.limits }, issues);
      const { sendMail } = request;
      if (sendMail && !hasMail) {
        throw new ServiceError(
          "FORBIDDEN",
          "No mail is sent here: auth runs without SMTP_URL. Hand the link over that account invite prints without --mail.",
        );
      }
      const token = newToken();
      const invitation = { accountId: newId(), email, tokenHash: sha256(token), plan, ...limits };
      const actor = requestActor(request, context);
      const { accountId, expiresAt } = await invitations.create(actor, invitation, { sendMail });
      return { token: sendMail ? "" : token, accountId, email, expireTime: timestampFromDate(expiresAt) };
    },

    async deleteInvitation(request, context) {
      const email = normalizeEmail(request.email) ?? "";
      if (!(await invitations.delete(requestActor(request, context), email))) {
        throw new ServiceError("NOT_FOUND", "There is no open invitation to this address.");
      }
      return {};
    },

    async getInvitation({ token }) {
      const { email, expiresAt } = await findOpen(token);
      return { email, expireTime: timestampFromDate(expiresAt) };
    },

    async acceptInvitation({ token, password, address, browser }, context) {
      // Checked first, so that an unknown token does not cost the hashing of a password.
      await findOpen(token);
      const issue = passwordIssue(password);
      if (issue !== undefined) throwIfFieldIssues([{ field: "password", issue }]);
      const { token: sessionToken, session } = newSession(newToken(), dependencies.sessionMs);
      const by = (accountId: string) => userActor(accountId, address, context);
      const hash = await passwords.hash(password);
      const accepted = await invitations.accept(by, sha256(token), hash, session, { browser: browserName(browser) });
      if (typeof accepted === "string") throw obstacles[accepted]();
      return { session: toSession(sessionToken, accepted.accountId, session, dependencies.clock) };
    },
  });
}
