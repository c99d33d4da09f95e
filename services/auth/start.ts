import { TakedownService } from "../../gen/qrforge/qr/v1/takedown_pb.ts";
import { openGranter } from "../../platform/lease/service.ts";
import { createMailSender } from "../../platform/mail/smtp.ts";
import { createBus } from "../../platform/messaging/bus.ts";
import { openDatabase } from "../../platform/postgres/database.ts";
import { createPageTokens } from "../../platform/postgres/page-tokens.ts";
import { startRetention } from "../../platform/postgres/retention.ts";
import { systemClock } from "../../platform/process/clock.ts";
import { createCloser } from "../../platform/process/closer.ts";
import { type Config, ConfigError } from "../../platform/process/config.ts";
import type { Start } from "../../platform/process/lifecycle.ts";
import { repeat } from "../../platform/process/loop.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { watchHealth } from "../../platform/rpc/health.ts";
import { createRpcServer } from "../../platform/rpc/server.ts";
import type { settings } from "./config.ts";
import { createAccountService } from "./handlers/account.ts";
import { createAuditService } from "./handlers/audit.ts";
import { createInvitationService } from "./handlers/invitation.ts";
import { createKeyService } from "./handlers/key.ts";
import { createMailLinkService } from "./handlers/mail-link.ts";
import { createMailRequests } from "./handlers/mail-requests.ts";
import { createSessionService } from "./handlers/session.ts";
import { createTakedownService } from "./handlers/takedown.ts";
import { createHeadSigner, openHeadWriter } from "./jobs/audit-heads.ts";
import { createLeakWorker } from "./jobs/leaked-key-reports.ts";
import { deliverMails } from "./jobs/mail-delivery.ts";
import { startOldKeyNotices } from "./jobs/old-key-notices.ts";
import { createHandOver, startHandOvers } from "./jobs/takedowns.ts";
import { createPasswordHasher } from "./passwords/hasher.ts";
import { createAccountStore } from "./store/accounts.ts";
import { createAuditStore } from "./store/audit.ts";
import { createInvitationStore } from "./store/invitations.ts";
import { createKeyStore } from "./store/keys.ts";
import { createLeakReportStore } from "./store/leak-reports.ts";
import { createMailLinkStore } from "./store/mail-links.ts";
import { createMailStore } from "./store/mails.ts";
import { createOutbox } from "./store/outbox.ts";
import { createSessionStore } from "./store/sessions.ts";
import { createSignInAttemptStore } from "./store/sign-in-attempts.ts";
import { createSignInLinkStore } from "./store/sign-in-links.ts";
import { createTakedownStore } from "./store/takedowns.ts";

/** Interval at which expired sessions, links, invitations and addresses are deleted, in ms. */
const deleteExpiredMs = 60_000;
/** Interval at which it is checked whether the day's head of the audit trail is signed, in ms. */
const signHeadMs = 10_000;

/** Returns how mail is sent, or undefined if it is not. Throws ConfigError if a setting for it is missing. */
function mailOf({ smtpUrl, mailFrom, publicUrl }: Config<typeof settings>) {
  if (!smtpUrl) return undefined;
  const missing = [...(mailFrom ? [] : ["MAIL_FROM"]), ...(publicUrl ? [] : ["PUBLIC_URL"])];
  if (!mailFrom || !publicUrl) throw new ConfigError(missing.map((name) => `${name} must be set with SMTP_URL`));
  return { sender: createMailSender(smtpUrl, mailFrom), dashboardUrl: publicUrl };
}

export const start: Start<typeof settings> = async (config, log, metrics, health) => {
  const writeHead = await openHeadWriter(config, log);
  const closer = createCloser(log);
  const folder = new URL("migrations/", import.meta.url);
  const sql = await openDatabase({ ...config, schema: "auth", folder, log });
  closer.defer("sql", () => sql.end({ timeout: 2 }));
  const bus = createBus({ url: config.natsUrl, password: config.natsPassword, client: "auth", log });
  closer.defer("bus", () => bus.close());
  const { granter, implementation } = openGranter({ schema: "auth", sql, bus, times: config, closer, log });

  const mail = mailOf(config);
  const outbox = createOutbox({ isOn: mail !== undefined });
  const accounts = createAccountStore(sql, outbox);
  const keys = createKeyStore(sql, outbox);
  const leakReports = createLeakReportStore(sql, outbox);
  const pageTokens = createPageTokens(sql, "auth", systemClock);
  const { propagate } = granter;
  const leaks = createLeakWorker({ leakReports, propagate, clock: systemClock, log });
  const working = leaks.run();
  closer.defer("leak worker", () => {
    leaks.close();
    return working;
  });

  const audit = createAuditStore(sql);
  if (config.auditSigningKey && writeHead) {
    const signHead = createHeadSigner({ store: audit, key: config.auditSigningKey, write: writeHead });
    const message = "the head of the audit trail could not be signed and will be tried again";
    closer.loop("audit heads", (closing) =>
      repeat({ intervalMs: signHeadMs, closing, clock: systemClock, log, message }, signHead),
    );
  }
  const qr = createRpcClient(TakedownService, { address: config.qrAddress, tls: config });
  closer.defer("rpc client of qr", () => qr.close());
  const takedowns = createTakedownStore(sql);
  const handOver = createHandOver({ takedowns, qr: qr.client });
  startHandOvers({ takedowns, qr: qr.client, handOver, clock: systemClock, closer, log, metrics });

  const sessions = createSessionStore(sql, outbox);
  const links = createSignInLinkStore(sql, outbox);
  const attempts = createSignInAttemptStore(sql);
  const invitations = createInvitationStore(sql, outbox);
  const mails = createMailStore(sql);
  const mailLinks = createMailLinkStore(sql, outbox);
  const deleteExpired = async () => {
    const more = [
      await sessions.deleteExpired(),
      await links.deleteExpired(),
      await attempts.deleteExpired(),
      await invitations.deleteExpired(),
      await mails.deleteExpired(),
    ];
    return more.includes(true);
  };
  startRetention({ deleteExpired, everyMs: deleteExpiredMs, clock: systemClock, closer, log });
  const shared = {
    passwords: createPasswordHasher(),
    clock: systemClock,
    sessionMs: config.sessionMs,
    signUp: config.signUp,
    mailLinks: mail && mailLinks,
    requests: createMailRequests(mailLinks, systemClock),
  };
  if (mail) {
    const delivery = { mails, ...mail, clock: systemClock, log, metrics };
    closer.loop("mail delivery", (closing) => deliverMails(delivery, closing));
    startOldKeyNotices({ keys, clock: systemClock, closer, log });
  }
  const { handleReports } = leaks;
  const server = await createRpcServer({
    ...config,
    log,
    metrics,
    implementations: [
      createAccountService({ accounts, propagate, pageTokens, handOver }),
      createTakedownService({ takedowns, qr: qr.client, handOver }),
      createKeyService({ keys, accounts, leakReports, propagate, pageTokens, handleReports, clock: systemClock }),
      createAuditService(audit),
      createSessionService({ accounts, sessions, links, attempts, log, ...shared }),
      createInvitationService({ invitations, hasMail: mail !== undefined, ...shared }),
      createMailLinkService({ accounts, attempts, log, ...shared }),
      implementation,
    ],
  });
  closer.defer("server", () => server.close());
  watchHealth({ server, health, probe: () => sql`select 1`, clock: systemClock, closer, log });
  return { address: server.address, close: () => closer.close() };
};
