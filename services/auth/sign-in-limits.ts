import { createHash } from "node:crypto";

/** Failures are counted in windows of 15 minutes. */
export const windowMs = 900_000;

/** Failures in a window at which further tries are refused. */
const max = {
  /** From one address, whatever the account. */
  address: 30,
  /** Against one account, from all addresses that have never signed in to it. */
  account: 20,
  /** Against one account from one address. */
  pair: 10,
};

/** What a failed sign-in is counted under, each as a hash: no address and no e-mail is kept. */
export interface Subjects {
  address: Buffer;
  account: Buffer;
  pair: Buffer;
}

export function subjectsOf(email: string, address: string): Subjects {
  const subject = (...parts: string[]) => createHash("sha256").update(JSON.stringify(parts)).digest();
  return {
    address: subject("address", address),
    account: subject("account", email),
    pair: subject("pair", email, address),
  };
}

/**
 * Whether another try is refused. Tries from an address that has signed in to the account before are not held up by what
 * strangers do from other addresses; a person on a network that is new to the account waits for the window to end.
 */
export function isLimited(failures: Record<keyof Subjects, number>, known: boolean): boolean {
  if (failures.address >= max.address || failures.pair >= max.pair) return true;
  return !known && failures.account >= max.account;
}

/** Whole seconds until the window ends in which a moment lies. */
export function windowEndsInS(nowMs: number): number {
  return Math.ceil((windowMs - (nowMs % windowMs)) / 1000);
}
