import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import type { Kind } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";

const kinds: Kind[] = ["edge", "auth", "quota", "qr"];

declare module "vitest" {
  export interface ProvidedContext {
    cluster: {
      edges: string[];
      /** Where the edges serve `qrforge.api.v1` over gRPC. */
      rpcs: string[];
      /** Where the first process of each kind serves its metrics. */
      metrics: Record<Kind, string>;
      auths: string[];
      quotas: string[];
      qrs: string[];
      databaseUrl: string;
      logs: string;
      /** Where auth appends signed heads of the audit trail, and the public key of their signer. */
      auditHeads: { file: string; publicKeyFile: string };
    };
  }
}

/** One real cluster, with two edges, for all integration tests of a run. Each test makes accounts of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), "qrforge-heads-"));
  const auditHeads = { file: path.join(folder, "heads"), publicKeyFile: path.join(folder, "key.pub") };
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  await writeFile(auditHeads.publicKeyFile, publicKey.export({ type: "spki", format: "pem" }));
  const AUDIT_SIGNING_KEY = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  const { cluster, dataDir, end } = await startEphemeralCluster({
    replicas: { edge: 2, auth: 1, quota: 1, qr: 1 },
    env: { auth: { AUDIT_SIGNING_KEY, AUDIT_HEADS_FILE: auditHeads.file } },
  });
  const addresses = (kind: "auth" | "quota" | "qr") => cluster.members(kind).map((member) => member.address);
  project.provide("cluster", {
    edges: cluster.edgeUrls(),
    rpcs: cluster.members("edge").map(({ rpc }) => rpc as string),
    metrics: Object.fromEntries(
      kinds.map((kind) => [kind, `http://${cluster.members(kind)[0]?.metrics}/metrics`]),
    ) as Record<Kind, string>,
    auths: addresses("auth"),
    quotas: addresses("quota"),
    qrs: addresses("qr"),
    databaseUrl: cluster.databaseUrl,
    logs: path.join(dataDir, "logs"),
    auditHeads,
  });
  return async () => {
    const secrets = await findSecrets(path.join(dataDir, "logs"));
    await end();
    await rm(folder, { recursive: true });
    if (secrets.length > 0) throw new Error(`API keys or e-mail addresses are in the logs:\n${secrets.join("\n")}`);
  };
}

/** Lines of a whole run's logs, of every process and of Postgres, that hold a whole API key or the e-mail address of a test's account. */
async function findSecrets(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder)) {
    const lines = (await readFile(path.join(folder, name), "utf8")).split("\n");
    found.push(
      ...lines
        .filter((line) => /api_live_[0-9A-Za-z]{32}|@qrforge\.example/.test(line))
        .map((line) => `${name}: ${line}`),
    );
  }
  return found;
}
