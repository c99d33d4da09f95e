import { userInfo } from "node:os";
import path from "node:path";
import { smtpUrl } from "../platform/mail/smtp.ts";
import { baseUrl } from "../platform/process/base-url.ts";
import {
  busSettings,
  databaseSettings,
  databaseUrl,
  integer,
  listenAddress,
  optional,
  queueSettings,
  rolePasswordSettings,
  secret,
  text,
} from "../platform/process/config.ts";
import { tlsSettings } from "../platform/rpc/tls.ts";

/** The root of the project. */
export const root = path.resolve(import.meta.dirname, "..");

/** Directory in which launchers record that they run: `cli/running.ts`. */
export const runningDir = path.join(root, ".qrforge", "running");

/** Settings of the launcher and of the operator's tools. */
export const settings = {
  port: integer("QRFORGE_PORT", "the first edge's port; the next edges follow. 0 is any free one", 8080, {
    max: 65_000,
  }),
  dataDir: text("QRFORGE_DATA_DIR", "directory of all data", ".qrforge"),
  toolsDir: text(
    "QRFORGE_TOOLS_DIR",
    "directory of a fetched nats-server, shared by all data directories",
    path.join(".qrforge", "tools"),
  ),
  databaseUrl: databaseUrl("DATABASE_URL", "URL of your own Postgres; unset, the embedded one", ""),
  databasePassword: secret("DATABASE_PASSWORD", databaseSettings.databasePassword.meaning),
  authRolePassword: rolePasswordSettings.auth,
  quotaRolePassword: rolePasswordSettings.quota,
  qrRolePassword: rolePasswordSettings.qr,
  natsUrl: { ...busSettings.natsUrl, meaning: "URL of your own NATS server; unset, one that npm start runs" },
  natsPassword: busSettings.natsPassword,
  publicUrl: baseUrl("PUBLIC_URL", "URL at which people reach the dashboard and the API", ""),
  shortUrlBase: baseUrl("SHORT_URL_BASE", "URL with which short URLs begin; unset, that of the first edge", ""),
};

const metricsOf = (service: string) =>
  optional(
    listenAddress(
      `${service.toUpperCase()}_METRICS`,
      `metrics addresses of ${service}'s replicas, host:port; every address of the host is asked`,
      "",
    ),
  );

/** What the operator's tools read of a cluster elsewhere; without it they look for the one that npm start runs here. */
export const operatorSettings = {
  ...settings,
  ...tlsSettings,
  operator: text("OPERATOR", "your name in the audit trail; unset, the name of the user", ""),
  ...queueSettings,
  smtpUrl: { ...smtpUrl, meaning: "the mail server of auth, which the doctor checks" },
  authAddress: text("AUTH_ADDRESS", "addresses of auth's replicas, for a cluster elsewhere", ""),
  quotaAddress: text("QUOTA_ADDRESS", "addresses of quota's replicas, for a cluster elsewhere", ""),
  qrAddress: text("QR_ADDRESS", "addresses of qr's replicas, for a cluster elsewhere", ""),
  authMetrics: metricsOf("auth"),
  quotaMetrics: metricsOf("quota"),
  qrMetrics: metricsOf("qr"),
  edgeMetrics: metricsOf("edge"),
};

/** Returns the name of the user who runs this process, or `uid-N` for a user without a name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.()}`;
  }
}
