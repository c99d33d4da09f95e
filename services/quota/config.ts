import {
  commonSettings,
  databaseSettings,
  integer,
  listenAddress,
  rolePasswordSettings,
} from "../../platform/process/config.ts";
import { rpcServerSettings } from "../../platform/rpc/settings.ts";
import { metricsAddress } from "../../platform/telemetry/metrics.ts";
import { tracingSettings } from "../../platform/telemetry/tracing.ts";

/** Settings of quota. */
export const settings = {
  ...commonSettings,
  ...tracingSettings,
  ...databaseSettings,
  rolePassword: rolePasswordSettings.quota,
  ...rpcServerSettings,
  metricsListen: metricsAddress("127.0.0.1:9466"),
  listen: listenAddress("LISTEN_ADDRESS", "where gRPC is served, host:port", "127.0.0.1:50052"),
  waitingMax: integer("QUOTA_WAITING_MAX", "maximum number of requests that wait for a statement", 100_000, {
    min: 1_000,
  }),
  perStatementMax: integer("QUOTA_STATEMENT_MAX", "maximum number of accounts in one statement", 4_096, { min: 1 }),
};
