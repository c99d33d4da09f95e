import { abuseContactSettings } from "../../platform/abuse-contact.ts";
import { granterSettings } from "../../platform/lease/settings.ts";
import { baseUrls } from "../../platform/process/base-url.ts";
import {
  busSettings,
  commonSettings,
  databaseSettings,
  databaseUrl,
  integer,
  listenAddress,
  queueSettings,
  rolePasswordSettings,
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
  rolePassword: rolePasswordSettings.qr,
  ...busSettings,
  ...queueSettings,
  ...rpcServerSettings,
  metricsListen: metricsAddress("127.0.0.1:9467"),
  ...granterSettings,
  databaseReadUrl: databaseUrl(
    "DATABASE_READ_URL",
    "standby from which analytics are read, which may lag behind; if it is unset or cannot be reached, the database is read",
    "",
  ),
  listen: listenAddress("LISTEN_ADDRESS", "address on which gRPC is served, host:port", "127.0.0.1:50053"),
  ...shortUrlSettings,
  shortUrlAliases: baseUrls(
    "SHORT_URL_ALIASES",
    "further addresses at which edges answer short URLs, separated by commas: no code may lead to a short URL there, nor below SHORT_URL_BASE",
  ),
  ...abuseContactSettings,
  symbolThreads: integer("SYMBOL_THREADS", "maximum number of threads that draw symbols", 2, { min: 1, max: 64 }),
  symbolThreadMib: integer(
    "SYMBOL_THREAD_MIB",
    "memory of WebAssembly above which a thread that draws symbols is replaced after its drawing, in MiB",
    160,
    { min: 64 },
  ),
  symbolQueueMax: integer("SYMBOL_QUEUE_MAX", "maximum number of drawings that wait for a thread", 500, { min: 1 }),
  symbolTimeoutMs: integer("SYMBOL_TIMEOUT_MS", "timeout of one drawing, in ms", 10_000, { min: 100 }),
  symbolCpuMsPerMinute: integer(
    "SYMBOL_CPU_MS_PER_MINUTE",
    "CPU time that drawings of one account may take in a minute in one process, in ms; beyond it they get 429",
    30_000,
    { min: 1_000 },
  ),
  symbolCacheMib: integer("SYMBOL_CACHE_MIB", "size of the cache of drawings, in MiB", 64),
  scanDays: integer("SCAN_DAYS", "days for which single scans are stored", 35, { min: 2 }),
  scanRowsPerHourMax: integer(
    "SCAN_ROWS_PER_HOUR_MAX",
    "maximum number of single scans that are stored for one code and hour; further ones are only counted",
    10_000,
    { min: 1 },
  ),
  hourlyRetentionDays: integer("SCAN_HOURLY_RETENTION_DAYS", "days for which counts by hour are stored", 400, {
    min: 1,
  }),
  dailyRetentionDays: integer(
    "SCAN_DAILY_RETENTION_DAYS",
    "days for which counts by day, device, country and referrer are stored",
    1_500,
    {
      min: 1,
    },
  ),
};
