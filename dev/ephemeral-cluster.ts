import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "../cli/settings.ts";
import { type Cluster, type ClusterOptions, startCluster } from "./cluster.ts";

/** Options of a private cluster with one process per service, on free ports. */
export const ephemeralOptions = {
  toolsDir: path.join(root, ".qrforge", "tools"),
  port: 0,
  replicas: { edge: 1, auth: 1, quota: 1, qr: 1 },
  databaseUrl: "",
  natsUrl: "",
  restart: false,
  // Ignores SIGN_UP and SHORT_URL_BASE of the environment, and sends nobody mail by its server.
  env: { auth: { SIGN_UP: "open", SMTP_URL: "", SMTP_URL_FILE: "" } },
  report: () => {},
} satisfies Omit<ClusterOptions, "dataDir">;

/** Starts a cluster on free ports in a temporary folder, which is deleted when it ends: for tests and measurements. */
export async function startEphemeralCluster(
  options: Partial<ClusterOptions> = {},
): Promise<{ cluster: Cluster; dataDir: string; end(): Promise<void> }> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "qrforge-"));
  const remove = () => rm(dataDir, { recursive: true, force: true });
  try {
    const env = { ...options.env, auth: { ...ephemeralOptions.env.auth, ...options.env?.auth } };
    const cluster = await startCluster({ dataDir, ...ephemeralOptions, ...options, env });
    return { cluster, dataDir, end: () => cluster.stop().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
