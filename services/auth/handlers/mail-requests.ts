import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { rateLimitKeys } from "../../../platform/rate-limit-key.ts";
import { hourEndsInS } from "../domain/mail-limits.ts";
import type { MailLinkStore } from "../store/mail-links.ts";

/** The limit on requests for mail by network address. */
export interface MailRequests {
  /** Counts a request. Throws SIGN_IN_LIMITED after too many in this hour. */
  count(address: string): Promise<void>;
}

export function createMailRequests(links: Pick<MailLinkStore, "isLimited">, clock: Clock): MailRequests {
  return {
    async count(address) {
      if (!(await links.isLimited(rateLimitKeys(address)))) return;
      const message = "Too many mails were requested from this network. Try again later.";
      throw new ServiceError("SIGN_IN_LIMITED", message, { retryAfterS: hourEndsInS(clock.now()) });
    },
  };
}

export const noMail = () =>
  new ServiceError("FORBIDDEN", "No mail is sent here. Ask the operator of this service for a sign-in link.");
