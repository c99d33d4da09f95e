import { createHash } from "node:crypto";

/** Failures are counted in windows of 15 minutes. */
export const windowMs = 900_000;

/** Failures in a window at which further tries are refused. */
const max = {
  /** From one address, whatever the account. */
  address: 30,
  /** Against one account, from all addresses that have never signed in to it: from there on each of them has fewer tries. */
  account: 20,
  /** Against one account from one address. */
  pair: 10,
  /** The same, from an address that has never signed in to the account, while the account is under attack. */
  pairUnderAttack: 3,
};

/** What a failed sign-in is counted under, each as a hash: no address and no e-mail is kept. */
export interface Subjects {
  address: Buffer;
  account: Buffer;
  pair: Buffer;
}

export function subjectsOf(email: string, network: string): Subjects {
  const subject = (...parts: string[]) => createHash("sha256").update(JSON.stringify(parts)).digest();
  return {
    address: subject("address", network),
    account: subject("account", email),
    pair: subject("pair", email, network),
  };
}

/**
 * Whether another try is refused. Nobody can be locked out by strangers elsewhere: many failures against an account leave
 * fewer tries to each address that is new to it, and none fewer to those that have signed in before.
 */
export function isLimited(failures: Record<keyof Subjects, number>, known: boolean): boolean {
  if (known) return failures.pair >= max.pair;
  const pairMax = failures.account >= max.account ? max.pairUnderAttack : max.pair;
  return failures.address >= max.address || failures.pair >= pairMax;
}

/** Whole seconds until the window ends in which a moment lies. */
export function windowEndsInS(nowMs: number): number {
  return Math.ceil((windowMs - (nowMs % windowMs)) / 1000);
}
