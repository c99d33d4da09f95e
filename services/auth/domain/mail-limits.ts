import { createHash } from "node:crypto";
import type { MailKind } from "./mails.ts";

/** Mails that one address gets in an hour at most, by who causes them: none uses up the share of another. */
export const mailsPerHourMax = {
  /** Anybody who knows the address; of each kind, so that mails without a use do not keep the owner from one with a link. */
  asked: 5,
  /** What happens to the account, and operators. */
  notice: 20,
};

export type MailCause = keyof typeof mailsPerHourMax;

/** Requests for mail that one network address makes in an hour at most. */
export const requestsPerHourMax = 20;

/** Mails that may wait to be sent before requests of strangers are refused. */
export const waitingMailsMax = 10_000;

const hourMs = 3_600_000;

/** Returns the whole seconds until the current hour ends. */
export const hourEndsInS = (nowMs: number) => Math.ceil((hourMs - (nowMs % hourMs)) / 1_000);

/** Returns what mails to an address, or requests from a network, are counted under. No address is stored for it. */
export function mailSubject(of: MailKind | "notice" | "network", address: string): Buffer {
  return createHash("sha256")
    .update(JSON.stringify(["mail", of, address]))
    .digest();
}

/** Tries are repeated for a day. */
export const retryDays = 1;
const retryMinMs = 10_000;
const retryMaxMs = 3_600_000;

/** Returns the pause before the next try of a mail that failed `tries` times, in ms. */
export function retryDelayMs(tries: number): number {
  return Math.min(retryMinMs * 2 ** Math.max(0, tries - 1), retryMaxMs);
}
