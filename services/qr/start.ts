import { newId } from "../../platform/ids.ts";
import { openGranter } from "../../platform/lease/service.ts";
import { createBus } from "../../platform/messaging/bus.ts";
import { openDatabase } from "../../platform/postgres/database.ts";
import { createPageTokens } from "../../platform/postgres/page-tokens.ts";
import { openPool } from "../../platform/postgres/pool.ts";
import { systemClock as clock } from "../../platform/process/clock.ts";
import { type Closer, createCloser } from "../../platform/process/closer.ts";
import type { Config } from "../../platform/process/config.ts";
import type { Start } from "../../platform/process/lifecycle.ts";
import { watchHealth } from "../../platform/rpc/health.ts";
import { createRpcServer } from "../../platform/rpc/server.ts";
import { createOutageLog, type Logger } from "../../platform/telemetry/log.ts";
import type { settings } from "./config.ts";
import { createQrServices } from "./handlers/services.ts";
import { startRetention } from "./jobs/retention.ts";
import { consumeScans } from "./jobs/scan-consumer.ts";
import { createCodeCountStore } from "./store/code-counts.ts";
import { createIdempotencyStore } from "./store/idempotency.ts";
import { createLogoStore } from "./store/logos.ts";
import { createProjectStore } from "./store/projects.ts";
import { createCodeStore } from "./store/qr-codes.ts";
import { createScanCountStore, type Standby } from "./store/scan-counts.ts";
import { createScanStore } from "./store/scans.ts";
import { createTakedownStore } from "./store/takedowns.ts";
import { createVisitorSaltStore } from "./store/visitor-salts.ts";
import { openDrawer } from "./symbols/drawer.ts";

function openStandby(config: Config<typeof settings>, closer: Closer, log: Logger): Standby | undefined {
  if (config.databaseReadUrl === "") return undefined;
  const sql = openPool({ ...config, databaseUrl: config.databaseReadUrl, schema: "qr", log });
  closer.defer("standby", () => sql.end({ timeout: 2 }));
  return { sql, noteOutage: createOutageLog(log, { what: "the standby for analytics" }) };
}

export const start: Start<typeof settings> = async (config, log, metrics, health) => {
  const closer = createCloser(log);
  const folder = new URL("migrations/", import.meta.url);
  const sql = await openDatabase({ ...config, schema: "qr", folder, log });
  closer.defer("sql", () => sql.end({ timeout: 2 }));
  const standby = openStandby(config, closer, log);
  const bus = createBus({ url: config.natsUrl, password: config.natsPassword, client: "qr", log });
  closer.defer("bus", () => bus.close());
  const { granter, implementation, hint } = openGranter({ schema: "qr", sql, bus, times: config, closer, log });

  const idempotency = createIdempotencyStore(sql);
  const logos = createLogoStore(sql);
  const scans = createScanStore(sql, { rowsPerHourMax: config.scanRowsPerHourMax });
  const salts = createVisitorSaltStore(sql);
  const codeCounts = createCodeCountStore(sql);
  await startRetention({ codeCounts, idempotency, logos, salts, scans, retention: config, clock, closer, log });
  consumeScans({ bus, replicas: config.natsReplicas, scans, clock, closer, metrics, log });
  const drawer = openDrawer({
    threads: config.symbolThreads,
    threadBytesMax: config.symbolThreadMib * 1_048_576,
    queueMax: config.symbolQueueMax,
    timeoutMs: config.symbolTimeoutMs,
    cpuMsPerMinuteMax: config.symbolCpuMsPerMinute,
    cacheBytesMax: config.symbolCacheMib * 1_048_576,
    clock,
    closer,
    metrics,
  });

  const stores = {
    codes: createCodeStore(sql),
    projects: createProjectStore(sql, { newId }),
    counts: createScanCountStore(sql, standby),
    takedowns: createTakedownStore(sql),
    ...{ idempotency, logos, scans, salts },
  };
  const { propagate } = granter;
  const { shortUrlBase, shortUrlAliases, abuseContact } = config;
  metrics.gauge("short_url_base_info", "1, by where short URLs begin", () => 1, { base: shortUrlBase });
  const server = await createRpcServer({
    ...config,
    log,
    metrics,
    implementations: [
      ...createQrServices({
        stores,
        drawer,
        clock,
        shortUrlBase,
        shortUrlAliases,
        abuseContact,
        propagate,
        hintSlug: hint,
        pageTokens: createPageTokens(sql, "qr", clock),
      }),
      implementation,
    ],
  });
  closer.defer("server", () => server.close());
  watchHealth({ server, health, probe: () => sql`select 1`, clock, closer, log });
  return { address: server.address, close: () => closer.close() };
};
