import { commonSettings, databaseSettings, integer, listenAddress } from "../../platform/process/config.ts";
import { rpcServerSettings } from "../../platform/rpc/settings.ts";
import { metricsAddress } from "../../platform/telemetry/metrics.ts";
import { tracingSettings } from "../../platform/telemetry/tracing.ts";

/** Every setting of quota. */
export const settings = {
  ...commonSettings,
  ...tracingSettings,
  ...databaseSettings,
  ...rpcServerSettings,
  metricsListen: metricsAddress("127.0.0.1:9466"),
  listen: listenAddress("LISTEN_ADDRESS", "where gRPC is served, host:port", "127.0.0.1:50052"),
  waitingMax: integer("QUOTA_WAITING_MAX", "requests that wait for a statement at most", 100_000, { min: 1_000 }),
  perStatementMax: integer("QUOTA_STATEMENT_MAX", "accounts that one statement decides for at most", 4_096, { min: 1 }),
};
