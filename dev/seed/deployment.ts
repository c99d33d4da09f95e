import { UserError } from "../../cli/errors.ts";
import { findCluster } from "../../cli/find-cluster.ts";
import { type operatorSettings, userName } from "../../cli/settings.ts";
import { AccountService } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { KeyService } from "../../gen/qrforge/auth/v1/key_pb.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { ProjectService } from "../../gen/qrforge/qr/v1/project_pb.ts";
import { QrCodeService } from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { QuotaService } from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { openPool, type Sql } from "../../platform/postgres/pool.ts";
import type { Config } from "../../platform/process/config.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { createLogger } from "../../platform/telemetry/log.ts";

/** Target of a seed: the services, and their database. */
export type Deployment = Awaited<ReturnType<typeof openDeployment>>;

interface Found {
  auth: string;
  quota: string;
  qr: string;
  databaseUrl: string;
  /** URL of the dashboard. */
  dashboardUrl: string;
}

async function find(config: Config<typeof operatorSettings>): Promise<Found> {
  const { authAddress, quotaAddress, qrAddress, databaseUrl } = config;
  if (authAddress || quotaAddress || qrAddress) {
    if (!databaseUrl) throw new UserError("Set DATABASE_URL as well: scans are written to the database directly.");
    return {
      auth: authAddress || "127.0.0.1:50051",
      quota: quotaAddress || "127.0.0.1:50052",
      qr: qrAddress || "127.0.0.1:50053",
      databaseUrl,
      dashboardUrl: config.publicUrl || "http://localhost:8080",
    };
  }
  const listed = await findCluster(config.dataDir, "set AUTH_ADDRESS, QUOTA_ADDRESS, QR_ADDRESS and DATABASE_URL");
  const addresses = (members: { address: string }[]) => members.map(({ address }) => address).join(",");
  return {
    auth: addresses(listed.auth),
    quota: addresses(listed.quota),
    qr: addresses(listed.qr),
    databaseUrl: listed.postgres.url,
    dashboardUrl: config.publicUrl || listed.publicUrl,
  };
}

/** Connects to the cluster that npm start runs here, or to the one in the settings. */
export async function openDeployment(config: Config<typeof operatorSettings>) {
  const { auth, quota, qr, databaseUrl, dashboardUrl } = await find(config);
  const log = createLogger({ service: "seed", level: "error" });
  const sql: Sql = openPool({
    ...config,
    databaseUrl,
    databasePoolSize: 1,
    statementTimeoutMs: 0,
    schema: "seed",
    log,
  });
  const services = {
    accounts: createRpcClient(AccountService, { address: auth, tls: config }),
    keys: createRpcClient(KeyService, { address: auth, tls: config }),
    sessions: createRpcClient(SessionService, { address: auth, tls: config }),
    projects: createRpcClient(ProjectService, { address: qr, tls: config }),
    codes: createRpcClient(QrCodeService, { address: qr, tls: config }),
    quota: createRpcClient(QuotaService, { address: quota, tls: config }),
  };
  return {
    sql,
    accounts: services.accounts.client,
    keys: services.keys.client,
    sessions: services.sessions.client,
    projects: services.projects.client,
    codes: services.codes.client,
    quota: services.quota.client,
    dashboardUrl,
    /** Actor for the audit trail. */
    actor: { name: `operator:${config.operator || userName()}`, address: "" },
    async close(): Promise<void> {
      for (const { close } of Object.values(services)) close();
      await sql.end({ timeout: 2 });
    },
  };
}
