import { userInfo } from "node:os";
import path from "node:path";
import {
  busSettings,
  databaseSettings,
  integer,
  listenAddress,
  optional,
  secret,
  servers,
  text,
  url,
} from "../platform/process/config.ts";
import { tlsSettings } from "../platform/rpc/tls.ts";

/** The root of the project. */
export const root = path.resolve(import.meta.dirname, "..");

/** Where launchers note that they run: `cli/running.ts`. */
export const runningDir = path.join(root, ".qrforge", "running");

/** What the launcher and the operator's command read. */
export const settings = {
  port: integer("QRFORGE_PORT", "the first edge's port; the next edges follow. 0 is any free one", 8080, {
    max: 65_000,
  }),
  dataDir: text("QRFORGE_DATA_DIR", "where everything is kept", ".qrforge"),
  toolsDir: text(
    "QRFORGE_TOOLS_DIR",
    "where a fetched nats-server is kept, for all data directories",
    path.join(".qrforge", "tools"),
  ),
  databaseUrl: servers("DATABASE_URL", "a Postgres of your own", ["postgres", "postgresql"], ""),
  databasePassword: secret("DATABASE_PASSWORD", databaseSettings.databasePassword.meaning),
  natsUrl: { ...busSettings.natsUrl, meaning: "a NATS server of your own" },
  publicUrl: url("PUBLIC_URL", "where people reach the dashboard and the API", ["http", "https"], ""),
  shortUrlBase: url("SHORT_URL_BASE", "where short URLs begin; unset, the first edge", ["http", "https"], ""),
};

const metricsOf = (service: string) =>
  optional(
    listenAddress(
      `${service.toUpperCase()}_METRICS`,
      `where ${service}'s replicas serve metrics, host:port; every address of the host is asked`,
      "",
    ),
  );

/** What the operator's tools read of a cluster elsewhere; without it they look for the one that npm start runs here. */
export const operatorSettings = {
  ...settings,
  ...tlsSettings,
  operator: text("OPERATOR", "who you are, for the audit trail; unset, the name of the user", ""),
  natsReplicas: busSettings.natsReplicas,
  authAddress: text("AUTH_ADDRESS", "auth's replicas, for a suite elsewhere", ""),
  quotaAddress: text("QUOTA_ADDRESS", "quota's replicas, for a suite elsewhere", ""),
  qrAddress: text("QR_ADDRESS", "qr's replicas, for a suite elsewhere", ""),
  authMetrics: metricsOf("auth"),
  quotaMetrics: metricsOf("quota"),
  qrMetrics: metricsOf("qr"),
  edgeMetrics: metricsOf("edge"),
};

/** The name of the user whose process this is, if it has one. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.()}`;
  }
}
