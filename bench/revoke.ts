/**
 * How long a revocation takes, over 1, 3 and 10 edges that know the key: healthy, without NATS, and with one edge that
 * hangs. Run it with `npm run bench:revoke`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { readScriptOptions } from "../cli/run-tool.ts";
import type { Cluster } from "../dev/cluster.ts";
import { AccountService, Plan } from "../gen/qrforge/auth/v1/account_pb.ts";
import { KeyService } from "../gen/qrforge/auth/v1/key_pb.ts";
import { createRpcClient } from "../platform/rpc/client.ts";
import { withSuite } from "./cluster.ts";

const wait = { timeoutMs: 15_000 };
const rounds = { healthy: 200, slow: 15 };

async function revokeTimes(
  cluster: Cluster,
  count: number,
  before: () => Promise<void> = async () => {},
): Promise<number[]> {
  const address = cluster.members("auth")[0]?.address as string;
  const accounts = createRpcClient(AccountService, { address });
  const keys = createRpcClient(KeyService, { address });
  const email = `bench-${Date.now()}@qrforge.example`;
  const { account } = await accounts.client.createAccount({ email, plan: Plan.ENTERPRISE }, wait);
  const accountId = account?.accountId ?? "";
  const times: number[] = [];
  for (let round = 0; round < count; round++) {
    const { key, secret } = await keys.client.createKey({ accountId, name: `bench ${round}` }, wait);
    await Promise.all(
      cluster.edgeUrls().map(async (url) => {
        const answer = await fetch(`${url}/v1/usage`, {
          headers: { "x-api-key": secret },
          signal: AbortSignal.timeout(3_000),
        }).catch(() => undefined);
        await answer?.arrayBuffer();
      }),
    );
    await before();
    const startedAt = performance.now();
    await keys.client.revokeKey({ keyId: key?.keyId ?? "" }, wait);
    times.push(performance.now() - startedAt);
  }
  accounts.close();
  keys.close();
  return times.sort((a, b) => a - b);
}

function report(name: string, times: number[]): void {
  const at = (share: number) => (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(1);
  // Of a few there is no hundredth part: then the slowest is told.
  const tail = times.length >= 100 ? `p99 ${at(0.99)} ms` : `slowest ${at(1)} ms`;
  process.stdout.write(`${name}: p50 ${at(0.5)} ms, ${tail} (${times.length} revocations)\n`);
}

readScriptOptions({
  call: "npm run bench:revoke",
  summary:
    "Measures how long a revocation takes over 1, 3 and 10 edges: healthy, without NATS, and with one edge that hangs.",
});

for (const edges of [1, 3, 10]) {
  await withSuite({ replicas: { edge: edges, auth: 1, quota: 1, qr: 1 } }, async (cluster) => {
    await sleep(1_000);
    await revokeTimes(cluster, 20);
    report(`${edges} edges, healthy`, await revokeTimes(cluster, rounds.healthy));
    if (cluster.servers().nats) {
      await cluster.command({ stop: "nats" });
      // At moments spread over the renewal period, as a person's would be.
      report(`${edges} edges, without NATS`, await revokeTimes(cluster, rounds.slow, () => sleep(Math.random() * 500)));
      await cluster.command({ start: "nats" });
      await sleep(2_000);
    }
    const hung = cluster.members("edge").at(-1)?.child;
    report(
      `${edges} edges, one of them hung`,
      await revokeTimes(cluster, 5, async () => {
        hung?.kill("SIGSTOP");
        await sleep(50);
        setTimeout(() => hung?.kill("SIGCONT"), 2_600);
      }),
    );
    hung?.kill("SIGCONT");
  });
}
