import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Plan } from "../../../gen/qrforge/auth/v1/account_pb.ts";
import { InvitationService } from "../../../gen/qrforge/auth/v1/invitation_pb.ts";
import { refuseFields, ServiceError } from "../../../platform/errors.ts";
import { newId } from "../../../platform/ids.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { actorOf, personOf } from "../domain/actor.ts";
import { normalizeEmail } from "../domain/plans.ts";
import { requireInvitations, type SignUp } from "../domain/sign-up.ts";
import { newSession, newToken, sha256, toSession } from "../domain/tokens.ts";
import { type Passwords, passwordIssue } from "../passwords.ts";
import { type InvitationState, type InvitationStore, invitationDays } from "../store/invitations.ts";
import { emailIssue, readPlan } from "./account-and-key.ts";

export interface InvitationDependencies {
  store: InvitationStore;
  passwords: Passwords;
  clock: Clock;
  /** How long a session lasts, in ms. */
  sessionMs: number;
  signUp: SignUp;
}

const notOpen: Record<Exclude<InvitationState, "open">, () => ServiceError> = {
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

/** The handlers of invitations. A token has 256 random bits, so nothing here slows down who guesses. */
export function createInvitationService(dependencies: InvitationDependencies): Implementation {
  const { store, passwords, signUp } = dependencies;

  async function findOpen(token: string) {
    requireInvitations(signUp);
    const found = await store.find(sha256(token));
    const state = found?.state ?? "unknown";
    if (state !== "open") throw notOpen[state]();
    return found as NonNullable<typeof found>;
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
      const email = normalizeEmail(request.email);
      const asked = { plan: request.plan || Plan.FREE, ...(request.limits && { limits: request.limits }) };
      const { plan, limits } = readPlan(asked, email === undefined ? [emailIssue] : []);
      const token = newToken();
      const { accountId, expiresAt } = await store.create(actorOf(request, context), {
        accountId: newId(),
        email: email as string,
        tokenHash: sha256(token),
        plan,
        ...limits,
      });
      return { token, accountId, email: email as string, expireTime: timestampFromDate(expiresAt) };
    },

    async deleteInvitation(request, context) {
      const email = normalizeEmail(request.email) ?? "";
      if (!(await store.delete(actorOf(request, context), email))) {
        throw new ServiceError("NOT_FOUND", "There is no open invitation to this address.");
      }
      return {};
    },

    async getInvitation({ token }) {
      const { email, expiresAt } = await findOpen(token);
      return { email, expireTime: timestampFromDate(expiresAt) };
    },

    async acceptInvitation({ token, password, address }, context) {
      // A token that is good for nothing must not cost the hashing of a password.
      await findOpen(token);
      const issue = passwordIssue(password);
      if (issue !== undefined) refuseFields([{ field: "password", issue }]);
      const { token: sessionToken, session } = newSession(dependencies.clock, dependencies.sessionMs);
      const by = (accountId: string) => personOf(accountId, address, context);
      const accepted = await store.accept(by, sha256(token), await passwords.hash(password), session);
      if (typeof accepted === "string") throw notOpen[accepted]();
      return { session: toSession(sessionToken, accepted.accountId, session) };
    },
  });
}
