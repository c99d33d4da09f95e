import { granterSettings } from "../../platform/lease/settings.ts";
import {
  busSettings,
  commonSettings,
  databaseSettings,
  integer,
  listenAddress,
  servers,
} from "../../platform/process/config.ts";
import { rpcServerSettings } from "../../platform/rpc/settings.ts";
import { shortUrlSettings } from "../../platform/short-url-base.ts";
import { metricsAddress } from "../../platform/telemetry/metrics.ts";
import { tracingSettings } from "../../platform/telemetry/tracing.ts";

/** Every setting of qr. */
export const settings = {
  ...commonSettings,
  ...tracingSettings,
  ...databaseSettings,
  ...busSettings,
  ...rpcServerSettings,
  metricsListen: metricsAddress("127.0.0.1:9467"),
  ...granterSettings,
  databaseReadUrl: servers(
    "DATABASE_READ_URL",
    "a standby that answers analytics, which may be late; unset, or while it does not answer, the database itself does",
    ["postgres", "postgresql"],
    "",
  ),
  listen: listenAddress("LISTEN_ADDRESS", "where gRPC is served, host:port", "127.0.0.1:50053"),
  ...shortUrlSettings,
  symbolThreads: integer("SYMBOL_THREADS", "threads that draw symbols at most", 2, { min: 1, max: 64 }),
  symbolQueueMax: integer("SYMBOL_QUEUE_MAX", "drawings that wait for a thread at most", 500, { min: 1 }),
  symbolTimeoutMs: integer("SYMBOL_TIMEOUT_MS", "how long one drawing may take, in ms", 10_000, { min: 100 }),
  symbolCacheMib: integer("SYMBOL_CACHE_MIB", "memory for drawings that are asked for again, in MiB", 64),
  scanDays: integer("SCAN_DAYS", "days for which single scans are kept", 35, { min: 2 }),
  hourlyRetentionDays: integer("SCAN_HOURLY_RETENTION_DAYS", "days for which counts by hour are kept", 400, { min: 1 }),
  dailyRetentionDays: integer(
    "SCAN_DAILY_RETENTION_DAYS",
    "days for which counts by day, device, country and referrer are kept",
    1_500,
    {
      min: 1,
    },
  ),
};
