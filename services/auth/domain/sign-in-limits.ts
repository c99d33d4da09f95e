import { createHash } from "node:crypto";
import { rateLimitKeys } from "../../../platform/rate-limit-key.ts";

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

/** What a failed sign-in is counted under, as a hash: no address and no e-mail is stored. */
export interface Subject {
  kind: "address" | "account" | "pair";
  hash: Buffer;
  /** How many times the limit of one address applies: more for an IPv6 /48 as a whole. */
  times: number;
}

/** Returns what a sign-in to an e-mail address from an address is counted under; an address that is known to the account
 * does not count against the account. */
export function subjectsOf(email: string, address: string, known: boolean): Subject[] {
  const hash = (...parts: string[]) => createHash("sha256").update(JSON.stringify(parts)).digest();
  const byNetwork = rateLimitKeys(address).flatMap(({ key, times }): Subject[] => [
    { kind: "address", hash: hash("address", key), times },
    { kind: "pair", hash: hash("pair", email, key), times },
  ]);
  return known ? byNetwork : [...byNetwork, { kind: "account", hash: hash("account", email), times: 1 }];
}

/**
 * Returns whether another attempt is refused, after so many failures of each subject. Strangers cannot lock a user out: many
 * failures against an account leave fewer attempts to each address that is new to it, and as many as before to addresses that
 * have signed in to it.
 */
export function isLimited(failed: (Pick<Subject, "kind" | "times"> & { failures: number })[], known: boolean): boolean {
  const isUnderAttack = failed.some(({ kind, failures }) => kind === "account" && failures >= max.account);
  return failed.some(({ kind, times, failures }) => {
    if (kind === "account" || (kind === "address" && known)) return false;
    const most = kind === "address" ? max.address : isUnderAttack && !known ? max.pairUnderAttack : max.pair;
    return failures >= most * times;
  });
}

/** Returns the whole seconds until the current window ends. */
export function windowEndsInS(nowMs: number): number {
  return Math.ceil((windowMs - (nowMs % windowMs)) / 1000);
}
