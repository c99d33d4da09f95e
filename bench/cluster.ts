import { randomUUID } from "node:crypto";
import type { Cluster, ClusterOptions } from "../dev/cluster.ts";
import { startEphemeralCluster } from "../dev/ephemeral-cluster.ts";
import { AccountService, Plan } from "../gen/qrforge/auth/v1/account_pb.ts";
import { KeyService } from "../gen/qrforge/auth/v1/key_pb.ts";
import { createRpcClient } from "../platform/rpc/client.ts";

const wait = { timeoutMs: 10_000 };

/** A cluster of its own for one measurement; `work` is done in it and it is removed again. */
export async function withSuite(
  options: Partial<ClusterOptions>,
  work: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const { cluster, end } = await startEphemeralCluster(options);
  try {
    await work(cluster);
  } finally {
    await end();
  }
}

/** A new account without limits, or with one, and a key of it. */
export async function newKey(cluster: Cluster, limits: { perMinute?: bigint } = {}): Promise<string> {
  const address = cluster
    .members("auth")
    .map((member) => member.address)
    .join(",");
  const accounts = createRpcClient(AccountService, { address });
  const keys = createRpcClient(KeyService, { address });
  const email = `bench-${randomUUID()}@qrforge.example`;
  const { account } = await accounts.client.createAccount({ email, plan: Plan.ENTERPRISE, limits }, wait);
  const { secret } = await keys.client.createKey({ accountId: account?.accountId ?? "", name: "bench" }, wait);
  accounts.close();
  keys.close();
  return secret;
}

/** A code of a new account without limits. */
export async function newCode(
  cluster: Cluster,
): Promise<{ edge: string; key: string; code: { id: string; slug: string } }> {
  const edge = cluster.edgeUrls()[0] as string;
  const key = await newKey(cluster);
  const created = await fetch(`${edge}/v1/qr-codes`, {
    method: "POST",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: JSON.stringify({ name: "Bench", redirect_url: "https://example.com/" }),
  });
  const { data } = (await created.json()) as { data: { id: string; slug: string } };
  return { edge, key, code: data };
}
