import { createHash } from "node:crypto";

/** Failures are counted in windows of 15 minutes. */
export const windowMs = 900_000;

/** Failures in a window after which further attempts are refused. */
const max = {
  /** From one address, whatever the account. */
  address: 30,
  /** Against one account, from all addresses that have never signed in to it; beyond, each of them has fewer attempts. */
  account: 20,
  /** Against one account from one address. */
  pair: 10,
  /** The same, from an address that has never signed in to the account, while the account is under attack. */
  pairUnderAttack: 3,
};

/** What a failed sign-in is counted under, each as a hash: no address and no e-mail is stored. */
export interface Subjects {
  address: Buffer;
  account: Buffer;
  pair: Buffer;
}

/** Returns what a sign-in to an e-mail address from a network is counted under. */
export function subjectsOf(email: string, network: string): Subjects {
  const subject = (...parts: string[]) => createHash("sha256").update(JSON.stringify(parts)).digest();
  return {
    address: subject("address", network),
    account: subject("account", email),
    pair: subject("pair", email, network),
  };
}

/**
 * Returns whether another attempt is refused. Strangers cannot lock a user out: many failures against an account leave
 * fewer attempts to each address that is new to it, and as many as before to addresses that have signed in to it.
 */
export function isLimited(failures: Record<keyof Subjects, number>, known: boolean): boolean {
  if (known) return failures.pair >= max.pair;
  const pairMax = failures.account >= max.account ? max.pairUnderAttack : max.pair;
  return failures.address >= max.address || failures.pair >= pairMax;
}

/** Returns the whole seconds until the current window ends. */
export function windowEndsInS(nowMs: number): number {
  return Math.ceil((windowMs - (nowMs % windowMs)) / 1000);
}
