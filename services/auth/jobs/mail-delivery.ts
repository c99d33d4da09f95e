import { newToken } from "../../../platform/ids.ts";
import { type MailSender, SmtpError, smtpTimeoutMs } from "../../../platform/mail/smtp.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { retryDelayMs } from "../domain/mail-limits.ts";
import { renderMail } from "../domain/mails.ts";
import { sha256 } from "../domain/tokens.ts";
import type { DueMail, MailStore } from "../store/mails.ts";

export interface MailDeliveryOptions {
  mails: Pick<MailStore, "take" | "delete" | "retry">;
  sender: MailSender;
  /** Where the dashboard is, without a slash at the end. */
  dashboardUrl: string;
  clock: Clock;
  log: Logger;
  metrics: Pick<Metrics, "counter">;
}

/** Interval at which mails are looked for, in ms. */
const intervalMs = 250;
/** Pause after a failure, which probably meets the next mail too, in ms. */
const failurePauseMs = 2_000;
/** Time for which a mail belongs to the process that sends it, in ms. */
const leaseMs = 4 * smtpTimeoutMs;
/** Time that a mail may still take once the process is stopping, in ms. */
const graceMs = 3_000;

/**
 * Sends mails one after the other until closing. A mail that the server does not take is tried again with growing pauses for a
 * day; one that it refuses for good is given up at once. A process that dies while it sends may leave a mail that is sent twice.
 */
export async function deliverMails(options: MailDeliveryOptions, closing: AbortSignal): Promise<void> {
  const { mails, sender, dashboardUrl, clock, log } = options;
  const countTry = options.metrics.counter("mails", "mails by what became of a try: sent, retried, refused, expired");
  const stopping = new AbortController();
  closing.addEventListener("abort", () => setTimeout(() => stopping.abort(), graceMs).unref(), { once: true });

  /** Sends a mail. Returns the pause before the next one, in ms. */
  async function deliver(mail: DueMail, token: string): Promise<number> {
    // Addresses and names stay out of logs.
    const { mailId, kind, accountId, tries } = mail;
    const about = { mailId, kind, accountId, tries };
    if (mail.isOver) {
      countTry({ outcome: "expired" });
      log.error(about, "a mail could not be sent for a day and is given up");
      await mails.delete(mailId);
      return 0;
    }
    const { createdAt: causedAt } = mail;
    try {
      const content = renderMail(kind, mail.details, { dashboardUrl, token, causedAt });
      await sender.send({ to: mail.email, ...content }, stopping.signal);
    } catch (error) {
      if (!(error instanceof SmtpError)) throw error;
      const { isFinal, code, command, responseCode } = error;
      countTry({ outcome: isFinal ? "refused" : "retried" });
      log.warn(
        { ...about, code, command, responseCode },
        isFinal ? "the mail server refused a mail, which is given up" : "a mail could not be sent; trying again later",
      );
      if (isFinal) await mails.delete(mailId);
      else await mails.retry(mailId, retryDelayMs(tries));
      return isFinal ? 0 : failurePauseMs;
    }
    countTry({ outcome: "sent" });
    await mails.delete(mailId);
    return 0;
  }

  while (!closing.aborted) {
    let pauseMs = failurePauseMs;
    try {
      const token = newToken();
      const mail = await mails.take(sha256(token), leaseMs);
      if (mail === undefined) pauseMs = intervalMs;
      else pauseMs = mail === "void" ? 0 : await deliver(mail, token);
    } catch (error) {
      log.warn({ error }, "mails could not be sent; trying again");
    }
    if (pauseMs > 0) await clock.sleep(pauseMs, closing);
  }
}
