import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "../cli/settings.ts";
import { type Suite, type SuiteOptions, startSuite } from "./cluster.ts";

/** A suite of one process each, on free ports, that nobody else uses. */
export const throwawayOptions = {
  toolsDir: path.join(root, ".qrforge", "tools"),
  port: 0,
  replicas: { edge: 1, auth: 1, quota: 1, qr: 1 },
  databaseUrl: "",
  natsUrl: "",
  restart: false,
  // Whatever SIGN_UP and SHORT_URL_BASE are where it is started.
  env: { auth: { SIGN_UP: "open" } },
  tell: () => {},
} satisfies Omit<SuiteOptions, "dataDir">;

/** A suite in a folder of its own that goes when it ends, on free ports: for tests and measurements, to be broken at will. */
export async function startThrowaway(
  options: Partial<SuiteOptions> = {},
): Promise<{ suite: Suite; dataDir: string; end(): Promise<void> }> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "qrforge-"));
  const remove = () => rm(dataDir, { recursive: true, force: true });
  try {
    const env = { ...options.env, auth: { ...throwawayOptions.env.auth, ...options.env?.auth } };
    const suite = await startSuite({ dataDir, ...throwawayOptions, ...options, env });
    return { suite, dataDir, end: () => suite.stop().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
