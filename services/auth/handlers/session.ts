import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { SessionService } from "../../../gen/qrforge/auth/v1/session_pb.ts";
import { networkOf } from "../../../platform/client-network.ts";
import { type FieldIssue, refuseFields, ServiceError } from "../../../platform/errors.ts";
import { newId } from "../../../platform/ids.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { actorOf, personOf } from "../domain/actor.ts";
import { limitsOf, normalizeEmail } from "../domain/plans.ts";
import { requireOpenSignUp, type SignUp, signUpModes } from "../domain/sign-up.ts";
import { newSession, newToken, sha256, toSession } from "../domain/tokens.ts";
import { type Passwords, passwordIssue } from "../passwords.ts";
import { isLimited, subjectsOf, windowEndsInS } from "../sign-in-limits.ts";
import type { SessionStore } from "../store/sessions.ts";

export interface SessionDependencies {
  store: SessionStore;
  passwords: Passwords;
  clock: Clock;
  /** How long a session lasts, in ms. */
  sessionMs: number;
  signUp: SignUp;
}

/** Sign-ups and sign-ins answer no sooner than this, in ms, so that what they found does not show in their timing. */
const answerMinMs = 300;

/** How long a sign-in link can be used, in ms. */
const linkMs = 3_600_000;

const wrong = () => new ServiceError("UNAUTHORIZED", "Wrong e-mail or password.");
const noSession = () => new ServiceError("UNAUTHORIZED", "There is no such session. Sign in again.");

/** The handlers of sign-up, sign-in and sessions. */
export function createSessionService(dependencies: SessionDependencies): Implementation {
  const { store, passwords, clock } = dependencies;

  const open = () => newSession(clock, dependencies.sessionMs);

  /** Does its work and answers, or fails, no sooner than every other such call. */
  async function evenly<T>(work: () => Promise<T>): Promise<T> {
    const [outcome] = await Promise.allSettled([work(), clock.sleep(answerMinMs)]);
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  }

  async function resolved(token: string) {
    const found = await store.resolve(sha256(token));
    if (!found) throw noSession();
    return found;
  }

  /** Checks a password under the limits on failures. The work is the same whether there is such an account. */
  async function check(email: string, password: string, network: string): Promise<{ accountId: string; hash: string }> {
    const subjects = subjectsOf(email, network);
    const account = await store.credentials(email);
    const known = await store.isKnown(account?.accountId ?? "", sha256(network));
    // Counted as a failure before the password is looked at, so that many tries at once cannot pass the limit together.
    const counted = [subjects.address, subjects.pair, ...(known ? [] : [subjects.account])];
    const startedMs = clock.now();
    const [byAddress = 0, byPair = 0, byAccount = 0] = await store.count(counted, 1, startedMs);
    if (isLimited({ address: byAddress - 1, pair: byPair - 1, account: byAccount - 1 }, known)) {
      await store.count(counted, -1, startedMs);
      throw new ServiceError("SIGN_IN_LIMITED", undefined, { retryAfterS: windowEndsInS(startedMs) });
    }
    const right = await passwords.verify(password, account?.passwordHash ?? null);
    if (right && account && !account.disabled) {
      await store.count(counted, -1, startedMs);
      return { accountId: account.accountId, hash: account.passwordHash ?? "" };
    }
    throw wrong();
  }

  return implement(SessionService, {
    getSignUpMode: async () => ({ mode: signUpModes[dependencies.signUp] }),

    async signUp(request, context) {
      requireOpenSignUp(dependencies.signUp);
      const email = normalizeEmail(request.email);
      const issues: FieldIssue[] = [];
      if (email === undefined) issues.push({ field: "email", issue: "must be an e-mail address" });
      const issue = passwordIssue(request.password);
      if (issue !== undefined) issues.push({ field: "password", issue });
      refuseFields(issues);
      return evenly(async () => {
        const accountId = newId();
        const passwordHash = await passwords.hash(request.password);
        const plan = limitsOf("free", undefined);
        if (!("limits" in plan)) throw new Error("the free plan has no limits");
        const account = { accountId, email: email as string, passwordHash, ...plan.limits };
        await store.signUp(personOf(accountId, request.address, context), account);
        return {};
      });
    },

    signIn: ({ email, password, address }) =>
      evenly(async () => {
        const network = networkOf(address);
        const { accountId, hash } = await check(normalizeEmail(email) ?? "", password, network);
        const { token, session } = open();
        if (!(await store.open(accountId, hash, session, sha256(network)))) throw wrong();
        return { session: toSession(token, accountId, session) };
      }),

    async resolveSession({ token }) {
      const { accountId, email, expiresAt, passwordHash, maySetPassword } = await resolved(token);
      const hasPassword = passwordHash !== null;
      return { accountId, email, expireTime: timestampFromDate(expiresAt), hasPassword, maySetPassword };
    },

    async signOut({ token }) {
      await store.close(sha256(token));
      return {};
    },

    async signOutEverywhere({ token }) {
      const { accountId } = await resolved(token);
      await store.closeAll(accountId);
      return {};
    },

    async changePassword({ token, oldPassword, newPassword, address }, context) {
      const issue = passwordIssue(newPassword);
      if (issue !== undefined) refuseFields([{ field: "new_password", issue }]);
      const { accountId, email, passwordHash, maySetPassword } = await resolved(token);
      const before = maySetPassword ? passwordHash : (await check(email, oldPassword, networkOf(address))).hash;
      const { token: next, session } = open();
      const hashes = { before, after: await passwords.hash(newPassword) };
      if (!(await store.changePassword(personOf(accountId, address, context), accountId, hashes, session)))
        throw wrong();
      return { session: toSession(next, accountId, session) };
    },

    async createSignInLink(request, context) {
      const token = newToken();
      const expiresAt = new Date(clock.now() + linkMs);
      const made = await store.createLink(actorOf(request, context), request.accountId, {
        tokenHash: sha256(token),
        expiresAt,
      });
      if (!made) throw new ServiceError("NOT_FOUND", "There is no such account.");
      return { token, expireTime: timestampFromDate(expiresAt) };
    },

    async redeemSignInLink({ token, address }, context) {
      const { token: next, session } = open();
      const by = (accountId: string) => personOf(accountId, address, context);
      const accountId = await store.redeemLink(by, sha256(token), session);
      if (accountId === undefined) {
        throw new ServiceError(
          "UNAUTHORIZED",
          "This sign-in link was used before, or is over an hour old. Ask for a new one.",
        );
      }
      return { session: toSession(next, accountId, session) };
    },
  });
}
