import { randomUUIDv7 } from "node:crypto";
import { openDatabase } from "../../platform/postgres/database.ts";
import { startRetention } from "../../platform/postgres/retention.ts";
import { systemClock as clock } from "../../platform/process/clock.ts";
import { createCloser } from "../../platform/process/closer.ts";
import type { Start } from "../../platform/process/lifecycle.ts";
import { watchHealth } from "../../platform/rpc/health.ts";
import { createRpcServer } from "../../platform/rpc/server.ts";
import type { settings } from "./config.ts";
import { createGroupCommit } from "./group-commit.ts";
import { createQuotaService, daysKept } from "./handlers/quota.ts";
import { openUsage } from "./jobs/usage.ts";
import { createStore } from "./store/windows.ts";

/** Interval between deletions of old rows, in ms. */
const retentionIntervalMs = 20_000;
/** Time during which a batch can be repeated, in ms. */
const keepMs = 300_000;

export const start: Start<typeof settings> = async (config, log, metrics, health) => {
  const closer = createCloser(log);
  const folder = new URL("migrations/", import.meta.url);
  const sql = await openDatabase({ ...config, schema: "quota", folder, log });
  closer.defer("sql", () => sql.end({ timeout: 2 }));

  const store = createStore(sql);
  startRetention({
    deleteExpired: () => store.deleteExpired(daysKept),
    everyMs: retentionIntervalMs,
    clock,
    closer,
    log,
  });
  const usage = openUsage({ store, newBatchId: randomUUIDv7, clock, closer, log });
  const decided = metrics.counter("quota_decisions", "requests decided, by result");
  const statements = metrics.counter("quota_statements", "statements that charged");
  const accounts = metrics.counter("quota_statement_accounts", "accounts in those statements");
  const repeated = metrics.counter("quota_repeated_batches", "batches answered from what was kept of an earlier call");
  const refunded = metrics.counter("quota_refunded_units", "units given back for requests that were not served");
  const groupCommit = createGroupCommit({
    ...config,
    store,
    newStatementId: randomUUIDv7,
    keepMs,
    clock,
    note: usage.note,
    noteStatement(accountsCount, requested, admitted) {
      statements();
      accounts({}, accountsCount);
      decided({ result: "admitted" }, admitted);
      decided({ result: "refused" }, requested - admitted);
    },
    noteRepeated: repeated,
  });
  closer.defer("group commit", () => groupCommit.idle());
  const server = await createRpcServer({
    ...config,
    log,
    metrics,
    implementations: createQuotaService({ store, groupCommit, noteRefund: (units) => refunded({}, units), clock }),
  });
  closer.defer("server", () => server.close());
  watchHealth({ server, health, probe: () => sql`select 1`, clock, closer, log });
  return { address: server.address, close: () => closer.close() };
};
