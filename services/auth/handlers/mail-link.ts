import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { MailLinkPurpose, MailLinkService } from "../../../gen/qrforge/auth/v1/mail_link_pb.ts";
import { type FieldIssue, ServiceError, throwIfFieldIssues } from "../../../platform/errors.ts";
import { newToken } from "../../../platform/ids.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { withMinimumDuration } from "../../../platform/process/minimum-duration.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import { passwordIssue } from "../domain/passwords.ts";
import { requireOpenSignUp, type SignUp } from "../domain/sign-up.ts";
import { newSession, sha256 } from "../domain/tokens.ts";
import type { PasswordHasher } from "../passwords/hasher.ts";
import type { AccountStore } from "../store/accounts.ts";
import type { MailLinkStore, MailLinkPurpose as Purpose } from "../store/mail-links.ts";
import type { SignInAttemptStore } from "../store/sign-in-attempts.ts";
import { userActor } from "./actor.ts";
import { type MailRequests, noMail } from "./mail-requests.ts";
import { createPasswordCheck } from "./password-check.ts";
import { browserName, readEmail } from "./requests.ts";
import { toSession } from "./session.ts";

export interface MailLinkDependencies {
  /** Undefined where no mail is sent. */
  mailLinks: MailLinkStore | undefined;
  accounts: Pick<AccountStore, "get" | "credentials">;
  attempts: SignInAttemptStore;
  log: Logger;
  requests: MailRequests;
  passwords: PasswordHasher;
  clock: Clock;
  /** Duration of a session, in ms. */
  sessionMs: number;
  signUp: SignUp;
}

/** The least duration of a request for a mail, in ms, so that its timing does not show whether there is an account. */
const requestMinMs = 300;

const purposes: Record<Purpose, MailLinkPurpose> = {
  "sign-up": MailLinkPurpose.SIGN_UP,
  "password-reset": MailLinkPurpose.PASSWORD_RESET,
  "email-change": MailLinkPurpose.EMAIL_CHANGE,
};

const unusable = () =>
  new ServiceError(
    "UNAUTHORIZED",
    "This link was used before, or is too old. Check that the whole link was opened, or ask for a new mail.",
  );
const taken = () => new ServiceError("CONFLICT", "This address has an account already. Sign in to it.");

/** Creates the handlers of MailLinkService. A token has 256 random bits, so guesses need no limit here. */
export function createMailLinkService(dependencies: MailLinkDependencies): Implementation {
  const { accounts, requests, passwords, clock, sessionMs, signUp } = dependencies;
  const check = createPasswordCheck(dependencies);

  function requireMail(): MailLinkStore {
    if (!dependencies.mailLinks) throw noMail();
    return dependencies.mailLinks;
  }

  /** Checks a link and a new password, in this order: an unknown token does not cost the hashing of a password. */
  async function prepare(purpose: Purpose, request: { token: string; password: string; browser: string }) {
    const link = await requireMail().find(sha256(request.token));
    if (link?.purpose !== purpose) throw unusable();
    const issue = passwordIssue(request.password);
    if (issue !== undefined) throwIfFieldIssues([{ field: "password", issue }]);
    const passwordHash = await passwords.hash(request.password);
    return {
      ...newSession(newToken(), sessionMs),
      ...{ passwordHash, browser: browserName(request.browser) },
    };
  }

  return implement(MailLinkService, {
    async requestPasswordReset(request) {
      const mailLinks = requireMail();
      const issues: FieldIssue[] = [];
      const email = readEmail(request.email, issues);
      throwIfFieldIssues(issues);
      await requests.count(request.address);
      await withMinimumDuration({ ms: requestMinMs, clock }, () => mailLinks.requestPasswordReset(email));
      return {};
    },

    async getMailLink({ token }) {
      const link = await requireMail().find(sha256(token));
      if (!link) throw unusable();
      const { purpose, email, expiresAt } = link;
      return { purpose: purposes[purpose], email, expireTime: timestampFromDate(expiresAt) };
    },

    async confirmSignUp(request, context) {
      requireOpenSignUp(signUp);
      const { token, ...prepared } = await prepare("sign-up", request);
      const actor = (accountId: string) => userActor(accountId, request.address, context);
      const made = await requireMail().confirmSignUp({ tokenHash: sha256(request.token), actor }, prepared);
      if (made === "unknown") throw unusable();
      if (made === "taken") throw taken();
      return { session: toSession(token, made.accountId, prepared.session, clock) };
    },

    async resetPassword(request, context) {
      const { token, ...prepared } = await prepare("password-reset", request);
      const actor = (accountId: string) => userActor(accountId, request.address, context);
      const accountId = await requireMail().resetPassword({ tokenHash: sha256(request.token), actor }, prepared);
      if (accountId === undefined) throw unusable();
      return { session: toSession(token, accountId, prepared.session, clock) };
    },

    async confirmEmail({ token, password, address }, context) {
      const link = await requireMail().find(sha256(token));
      if (link?.purpose !== "email-change") throw unusable();
      const { email } = await accounts.get(link.accountId);
      const credentials = await accounts.credentials(email);
      if (credentials?.passwordHash) await check(email, password, address);
      const actor = (accountId: string) => userActor(accountId, address, context);
      const changed = await requireMail().confirmEmail({ tokenHash: sha256(token), actor });
      if (changed === "unknown") throw unusable();
      if (changed === "taken") throw taken();
      return { email: changed.email };
    },
  });
}
