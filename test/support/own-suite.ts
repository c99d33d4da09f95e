import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "../../cli/settings.ts";
import { type Suite, type SuiteOptions, startSuite } from "../../cli/suite.ts";

/** A suite of a test's own, to be broken at will, and the end of it. */
export async function startOwnSuite(options: Partial<SuiteOptions>): Promise<{ suite: Suite; end(): Promise<void> }> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "qrforge-own-"));
  const suite = await startSuite({
    dataDir,
    toolsDir: path.join(root, ".qrforge", "tools"),
    port: 0,
    replicas: { edge: 1, auth: 1, quota: 1, qr: 1 },
    databaseUrl: "",
    natsUrl: "",
    restart: false,
    tell: () => {},
    ...options,
  });
  return {
    suite,
    async end() {
      await suite.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export function addressesOf(suite: Suite, kind: "auth" | "quota" | "qr"): string[] {
  return suite.members(kind).map((member) => member.address);
}
