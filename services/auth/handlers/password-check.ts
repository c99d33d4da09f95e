import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { rateLimitKey } from "../../../platform/rate-limit-key.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import { isLimited, subjectsOf, windowEndsInS } from "../domain/sign-in-limits.ts";
import { sha256 } from "../domain/tokens.ts";
import type { PasswordHasher } from "../passwords/hasher.ts";
import type { AccountStore } from "../store/accounts.ts";
import type { SignInAttemptStore } from "../store/sign-in-attempts.ts";

/** Pauses before another try to give a count back, in ms. */
const giveBackPausesMs = [50, 200, 1_000];

export const wrongPassword = () => new ServiceError("UNAUTHORIZED", "Wrong e-mail or password.");

/** Returns the account that a password belongs to. Rejects with UNAUTHORIZED, SIGN_IN_LIMITED or UNAVAILABLE. */
export type PasswordCheck = (
  email: string,
  password: string,
  address: string,
) => Promise<{ accountId: string; hash: string }>;

/**
 * Creates the check of passwords under the limits on failures. Only a wrong password counts: a check that is refused for
 * load, or fails for any other reason, gives its count back. The work is the same whether or not the account exists.
 */
export function createPasswordCheck(dependencies: {
  accounts: Pick<AccountStore, "credentials">;
  attempts: Pick<SignInAttemptStore, "isKnown" | "count">;
  passwords: Pick<PasswordHasher, "verify">;
  clock: Pick<Clock, "now" | "sleep">;
  log: Pick<Logger, "warn">;
}): PasswordCheck {
  const { accounts, attempts, passwords, clock, log } = dependencies;

  async function giveBack(counted: Buffer[], startedMs: number): Promise<void> {
    for (const pauseMs of [...giveBackPausesMs, undefined]) {
      try {
        await attempts.count(counted, -1, startedMs);
        return;
      } catch (error) {
        if (pauseMs === undefined) log.warn({ error }, "a sign-in that was not wrong counts as wrong");
        else await clock.sleep(pauseMs);
      }
    }
  }

  return async (email, password, address) => {
    const account = await accounts.credentials(email);
    const known = await attempts.isKnown(account?.accountId ?? "", sha256(rateLimitKey(address)));
    const subjects = subjectsOf(email, address, known);
    // Counted as a failure before the password is looked at, so that many tries at once cannot pass the limit together.
    const counted = subjects.map(({ hash }) => hash);
    const startedMs = clock.now();
    const counts = await attempts.count(counted, 1, startedMs);
    const failed = subjects.map((subject, index) => ({ ...subject, failures: (counts[index] ?? 1) - 1 }));
    let isWrong = false;
    try {
      if (isLimited(failed, known)) {
        throw new ServiceError("SIGN_IN_LIMITED", undefined, { retryAfterS: windowEndsInS(startedMs) });
      }
      const right = await passwords.verify(password, account?.passwordHash ?? null);
      if (right && account && !account.disabled) {
        return { accountId: account.accountId, hash: account.passwordHash ?? "" };
      }
      isWrong = true;
      throw wrongPassword();
    } finally {
      if (!isWrong) await giveBack(counted, startedMs);
    }
  };
}
