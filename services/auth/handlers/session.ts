import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { SessionService, SignUpMode } from "../../../gen/qrforge/auth/v1/session_pb.ts";
import { type FieldIssue, ServiceError, throwIfFieldIssues } from "../../../platform/errors.ts";
import { newId, newToken } from "../../../platform/ids.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { withMinimumDuration } from "../../../platform/process/minimum-duration.ts";
import { rateLimitKey } from "../../../platform/rate-limit-key.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import { passwordIssue } from "../domain/passwords.ts";
import { activeCodesMax, fixedLimits, normalizeEmail } from "../domain/plans.ts";
import { requireOpenSignUp, type SignUp } from "../domain/sign-up.ts";
import { type NewSession, newSession, sha256 } from "../domain/tokens.ts";
import type { PasswordHasher } from "../passwords/hasher.ts";
import type { AccountStore } from "../store/accounts.ts";
import type { MailLinkStore } from "../store/mail-links.ts";
import type { SessionStore } from "../store/sessions.ts";
import type { SignInAttemptStore } from "../store/sign-in-attempts.ts";
import type { SignInLinkStore } from "../store/sign-in-links.ts";
import { requestActor, userActor } from "./actor.ts";
import { type MailRequests, noMail } from "./mail-requests.ts";
import { createPasswordCheck, wrongPassword } from "./password-check.ts";
import { browserName, readEmail, toLimits } from "./requests.ts";

export interface SessionDependencies {
  accounts: Pick<AccountStore, "signUp" | "credentials">;
  sessions: SessionStore;
  links: SignInLinkStore;
  attempts: SignInAttemptStore;
  passwords: PasswordHasher;
  clock: Clock;
  log: Logger;
  /** Duration of a session, in ms. */
  sessionMs: number;
  signUp: SignUp;
  /** Undefined where no mail is sent. */
  mailLinks: Pick<MailLinkStore, "requestSignUp" | "requestEmailChange"> | undefined;
  requests: MailRequests;
}

/** The least duration of a sign-up and a sign-in, in ms, so that their timing does not show what they found. */
const durationMinMs = 300;

/** Duration for which a sign-in link can be used, in ms. */
const linkMs = 3_600_000;

const signUpModes: Record<SignUp, SignUpMode> = {
  open: SignUpMode.OPEN,
  invited: SignUpMode.INVITED,
  closed: SignUpMode.CLOSED,
};

/** Returns what is wrong with a password that is set with the link of a mail. */
const mailedPasswordIssue = (password: string) =>
  password === "" ? undefined : "must be left out: it is set with the link that is sent by mail";

const noSession = () => new ServiceError("UNAUTHORIZED", "There is no such session. Sign in again.");

/** Creates the handlers of SessionService: sign-up, sign-in and sessions. */
export function createSessionService(dependencies: SessionDependencies): Implementation {
  const { accounts, sessions, links, passwords, clock, mailLinks, requests } = dependencies;
  const check = createPasswordCheck(dependencies);

  const startSession = () => newSession(newToken(), dependencies.sessionMs);

  async function resolved(token: string) {
    const found = await sessions.resolve(sha256(token));
    if (!found) throw noSession();
    return found;
  }

  return implement(SessionService, {
    getSignUpMode: async () => ({ mode: signUpModes[dependencies.signUp], hasMail: mailLinks !== undefined }),

    async signUp(request, context) {
      requireOpenSignUp(dependencies.signUp);
      const issues: FieldIssue[] = [];
      const email = readEmail(request.email, issues);
      const issue = mailLinks ? mailedPasswordIssue(request.password) : passwordIssue(request.password);
      if (issue !== undefined) issues.push({ field: "password", issue });
      throwIfFieldIssues(issues);
      if (mailLinks) {
        await requests.count(request.address);
        await withMinimumDuration({ ms: durationMinMs, clock }, () => mailLinks.requestSignUp(email));
        return { needsMail: true };
      }
      return withMinimumDuration({ ms: durationMinMs, clock }, async () => {
        const accountId = newId();
        const passwordHash = await passwords.hash(request.password);
        const account = { accountId, email, passwordHash, ...fixedLimits.free };
        await accounts.signUp(userActor(accountId, request.address, context), account);
        return {};
      });
    },

    signIn: ({ email, password, address, browser }) =>
      withMinimumDuration({ ms: durationMinMs, clock }, async () => {
        const network = rateLimitKey(address);
        const { accountId, hash } = await check(normalizeEmail(email) ?? "", password, address);
        const { token, session } = startSession();
        const from = { addressHash: sha256(network), browser: browserName(browser) };
        if (!(await sessions.open(accountId, hash, session, from))) throw wrongPassword();
        return { session: toSession(token, accountId, session, clock) };
      }),

    async resolveSession({ token }) {
      const found = await resolved(token);
      const { accountId, email, expiresAt, passwordHash, maySetPassword } = found;
      const hasPassword = passwordHash !== null;
      const mayChangeEmail = mailLinks !== undefined;
      const expireTime = timestampFromDate(expiresAt);
      const plan = { limits: toLimits(found), activeCodesMax: activeCodesMax(found.plan) };
      return { accountId, email, expireTime, hasPassword, maySetPassword, mayChangeEmail, ...plan };
    },

    async signOut({ token }) {
      await sessions.close(sha256(token));
      return {};
    },

    async signOutEverywhere({ token }) {
      const { accountId } = await resolved(token);
      await sessions.closeAll(accountId);
      return {};
    },

    async changePassword({ token, oldPassword, newPassword, address }, context) {
      const issue = passwordIssue(newPassword);
      if (issue !== undefined) throwIfFieldIssues([{ field: "new_password", issue }]);
      const { accountId, email, passwordHash, maySetPassword } = await resolved(token);
      const before = maySetPassword ? passwordHash : (await check(email, oldPassword, address)).hash;
      const { token: next, session } = startSession();
      const hashes = { before, after: await passwords.hash(newPassword) };
      if (!(await sessions.changePassword(userActor(accountId, address, context), accountId, hashes, session)))
        throw wrongPassword();
      return { session: toSession(next, accountId, session, clock) };
    },

    async requestEmailChange({ token, password, email: text, address }) {
      if (!mailLinks) throw noMail();
      const issues: FieldIssue[] = [];
      const next = readEmail(text, issues);
      throwIfFieldIssues(issues);
      const { accountId, email, maySetPassword } = await resolved(token);
      if (!maySetPassword) await check(email, password, address);
      await requests.count(address);
      await withMinimumDuration({ ms: durationMinMs, clock }, () => mailLinks.requestEmailChange(accountId, next));
      return {};
    },

    async createSignInLink(request, context) {
      const token = newToken();
      const made = await links.create(requestActor(request, context), request.accountId, {
        tokenHash: sha256(token),
        lifetimeMs: linkMs,
      });
      if (!made) throw new ServiceError("NOT_FOUND", "There is no such account.");
      return { token, expireTime: timestampFromMs(clock.now() + linkMs) };
    },

    async redeemSignInLink({ token, address, browser }, context) {
      const { token: next, session } = startSession();
      const by = (accountId: string) => userActor(accountId, address, context);
      const accountId = await links.redeem(by, sha256(token), session, { browser: browserName(browser) });
      if (accountId === undefined) {
        throw new ServiceError(
          "UNAUTHORIZED",
          "This sign-in link was used before, or is over an hour old. Ask for a new one.",
        );
      }
      return { session: toSession(next, accountId, session, clock) };
    },
  });
}

/** Returns a new session as the protos have it. Its end is by this process's clock, and so about what is stored. */
export function toSession(token: string, accountId: string, { lifetimeMs }: NewSession, clock: Pick<Clock, "now">) {
  return { token, accountId, expireTime: timestampFromMs(clock.now() + lifetimeMs) };
}
