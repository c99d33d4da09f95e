import { openGranter } from "../../platform/lease/service.ts";
import { createBus } from "../../platform/messaging/bus.ts";
import { openDatabase } from "../../platform/postgres/database.ts";
import { startRetention } from "../../platform/postgres/retention.ts";
import { systemClock } from "../../platform/process/clock.ts";
import { createCloser } from "../../platform/process/closer.ts";
import type { Start } from "../../platform/process/lifecycle.ts";
import { repeat } from "../../platform/process/loop.ts";
import { watchHealth } from "../../platform/rpc/health.ts";
import { createRpcServer } from "../../platform/rpc/server.ts";
import type { settings } from "./config.ts";
import { createAccountService } from "./handlers/account.ts";
import { createAuditService } from "./handlers/audit.ts";
import { createInvitationService } from "./handlers/invitation.ts";
import { createKeyService } from "./handlers/key.ts";
import { createSessionService } from "./handlers/session.ts";
import { createHeadSigner, openHeadWriter } from "./jobs/audit-heads.ts";
import { createLeakWorker } from "./jobs/leaked-key-reports.ts";
import { createPasswordHasher } from "./passwords/hasher.ts";
import { createAccountStore } from "./store/accounts.ts";
import { createAuditStore } from "./store/audit.ts";
import { createInvitationStore } from "./store/invitations.ts";
import { createKeyStore } from "./store/keys.ts";
import { createLeakReportStore } from "./store/leak-reports.ts";
import { createSessionStore } from "./store/sessions.ts";
import { createSignInAttemptStore } from "./store/sign-in-attempts.ts";
import { createSignInLinkStore } from "./store/sign-in-links.ts";

/** Interval at which expired sessions, links, invitations and addresses are deleted, in ms. */
const deleteExpiredMs = 60_000;
/** Interval at which it is checked whether the day's head of the audit trail is signed, in ms. */
const signHeadMs = 10_000;

export const start: Start<typeof settings> = async (config, log, metrics, health) => {
  const writeHead = await openHeadWriter(config, log);
  const closer = createCloser(log);
  const folder = new URL("migrations/", import.meta.url);
  const sql = await openDatabase({ ...config, schema: "auth", folder, log });
  closer.defer("sql", () => sql.end({ timeout: 2 }));
  const bus = createBus({ url: config.natsUrl, name: "qrforge-auth", log });
  closer.defer("bus", () => bus.close());
  const { granter, implementation } = openGranter({ schema: "auth", sql, bus, times: config, closer, log });

  const accounts = createAccountStore(sql);
  const keys = createKeyStore(sql);
  const leakReports = createLeakReportStore(sql);
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

  const sessions = createSessionStore(sql);
  const links = createSignInLinkStore(sql);
  const attempts = createSignInAttemptStore(sql);
  const invitations = createInvitationStore(sql);
  const deleteExpired = async () => {
    const more = [
      await sessions.deleteExpired(),
      await links.deleteExpired(),
      await attempts.deleteExpired(systemClock.now()),
      await invitations.deleteExpired(),
    ];
    return more.includes(true);
  };
  startRetention({ deleteExpired, everyMs: deleteExpiredMs, clock: systemClock, closer, log });
  const shared = {
    passwords: createPasswordHasher(),
    clock: systemClock,
    sessionMs: config.sessionMs,
    signUp: config.signUp,
  };
  const { handleReports } = leaks;
  const server = await createRpcServer({
    ...config,
    log,
    metrics,
    implementations: [
      createAccountService({ accounts, propagate }),
      createKeyService({ keys, accounts, leakReports, propagate, handleReports, clock: systemClock }),
      createAuditService(audit),
      createSessionService({ accounts, sessions, links, attempts, log, ...shared }),
      createInvitationService({ invitations, ...shared }),
      implementation,
    ],
  });
  closer.defer("server", () => server.close());
  watchHealth({ server, health, probe: () => sql`select 1`, clock: systemClock, closer, log });
  return { address: server.address, close: () => closer.close() };
};
