import { openGranter } from "../../platform/lease/service.ts";
import { createBus } from "../../platform/messaging/bus.ts";
import { openDatabase } from "../../platform/postgres/pool.ts";
import { openTrimmer } from "../../platform/postgres/retention.ts";
import { systemClock } from "../../platform/process/clock.ts";
import { createCloser } from "../../platform/process/closer.ts";
import type { Start } from "../../platform/process/lifecycle.ts";
import { watchHealth } from "../../platform/rpc/health.ts";
import { createRpcServer } from "../../platform/rpc/server.ts";
import type { settings } from "./config.ts";
import { createAuthService } from "./handlers/account-and-key.ts";
import { createAuditService } from "./handlers/audit.ts";
import { createInvitationService } from "./handlers/invitation.ts";
import { createSessionService } from "./handlers/session.ts";
import { createLeakWorker } from "./jobs/leaked-key-reports.ts";
import { createPasswords } from "./passwords.ts";
import { createStore } from "./store/accounts-and-keys.ts";
import { createAuditStore } from "./store/audit.ts";
import { createInvitationStore } from "./store/invitations.ts";
import { createSessionStore } from "./store/sessions.ts";

/** How often sessions, links, invitations and addresses that are over their time are removed, in ms. */
const trimMs = 60_000;

export const start: Start<typeof settings> = async (config, log, metrics, health) => {
  const closer = createCloser(log);
  const folder = new URL("migrations/", import.meta.url);
  const sql = await openDatabase({ ...config, schema: "auth", folder, log });
  closer.defer("sql", () => sql.end({ timeout: 2 }));
  const bus = createBus({ url: config.natsUrl, name: "qrforge-auth", log });
  closer.defer("bus", () => bus.close());
  const { granter, implementation } = openGranter({ schema: "auth", sql, bus, times: config, closer, log });

  const store = createStore(sql);
  const { propagate } = granter;
  const leaks = createLeakWorker({ store, propagate, clock: systemClock, log });
  const looking = leaks.run();
  closer.defer("leak worker", () => {
    leaks.close();
    return looking;
  });

  const sessions = createSessionStore(sql);
  const invitations = createInvitationStore(sql);
  const trim = async () => {
    const more = [await sessions.trim(systemClock.now()), await invitations.trim()];
    return more.includes(true);
  };
  openTrimmer({ trim, everyMs: trimMs, clock: systemClock, closer, log });
  const people = {
    passwords: createPasswords(),
    clock: systemClock,
    sessionMs: config.sessionMs,
    signUp: config.signUp,
  };
  const server = await createRpcServer({
    ...config,
    log,
    metrics,
    implementations: [
      ...createAuthService({ store, propagate, lookAtLeaks: leaks.look, clock: systemClock }),
      createAuditService(createAuditStore(sql)),
      createSessionService({ store: sessions, ...people }),
      createInvitationService({ store: invitations, ...people }),
      implementation,
    ],
  });
  closer.defer("server", () => server.close());
  watchHealth({ server, health, probe: () => sql`select 1`, clock: systemClock, closer, log });
  return { address: server.address, close: () => closer.close() };
};
