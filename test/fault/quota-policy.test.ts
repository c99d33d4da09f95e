import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasEnded } from "../../dev/child.ts";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { QuotaService } from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({
    replicas: { edge: 2, auth: 1, quota: 1, qr: 1 },
    env: { edge: { QUOTA_POLICY: "open", QUOTA_TIMEOUT_MS: "500" } },
  }));
  const closed = cluster.members("edge")[1] as Member;
  closed.env = { QUOTA_POLICY: "closed" };
  closed.child.kill("SIGTERM");
  await eventually(async () => hasEnded(closed.child), Boolean);
  await cluster.restart(closed);
  auth = openAuth(addressesOf(cluster, "auth"));
});
afterAll(async () => {
  auth.close();
  await end();
});

const limits = { perMinute: 0n, perDay: 20n };

async function dayUsed(accountId: string): Promise<number> {
  const quota = createRpcClient(QuotaService, { address: addressesOf(cluster, "quota").join(",") });
  const { decision } = await quota.client.peekQuota({ accountId, limits }, wait);
  quota.close();
  return Number(decision?.dayUsed);
}

/** The value of one series in an edge's metrics. */
async function metric(series: string, edge = 0): Promise<number> {
  const { metrics } = cluster.members("edge")[edge] as Member;
  const text = await (await fetch(`http://${metrics}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return Number(line?.split(" ")[1] ?? 0);
}

describe("with the policy open", { timeout: 60_000 }, () => {
  for (const [name, away, back] of [
    ["killed", "SIGKILL", undefined],
    ["hung", "SIGSTOP", "SIGCONT"],
  ] as const) {
    it(`while quota is ${name} requests are served up to the limit, and counted once when it is back`, async () => {
      const { key, accountId } = await auth.newAccount(Plan.ENTERPRISE, limits);
      const { key: other } = await auth.newAccount(Plan.ENTERPRISE, limits);
      const [edge] = cluster.edgeUrls();
      const [quota] = cluster.members("quota") as [Member];
      const once = async () => (await call(`${edge}/v1/usage`, { key })).status;
      for (let i = 0; i < 5; i++) expect(await once()).toBe(200);
      const served = await metric('qrforge_quota_unreachable_requests_total{policy="open",result="served"}');
      quota.child.kill(away);
      const statuses: number[] = [];
      for (let i = 0; i < 30; i++) statuses.push(await once());
      expect(statuses).toEqual([...Array(15).fill(200), ...Array(15).fill(429)]);
      const after = await metric('qrforge_quota_unreachable_requests_total{policy="open",result="served"}');
      expect(after - served).toBe(15);
      expect(await metric("qrforge_quota_unreported_counts")).toBeGreaterThan(0);
      expect((await call(`${edge}/readyz`)).status).toBe(200);
      // The other edge's policy is closed.
      const refused = await call(`${cluster.edgeUrls()[1]}/v1/usage`, { key: other });
      expect([refused.status, refused.body.code]).toEqual(
        name === "killed" ? [503, "unavailable"] : [504, "deadline_exceeded"],
      );
      expect(
        await metric('qrforge_quota_unreachable_requests_total{policy="closed",result="failed"}', 1),
      ).toBeGreaterThan(0);

      if (back) quota.child.kill(back);
      else {
        await eventually(async () => quota.child.signalCode, Boolean);
        await cluster.restart(quota);
      }
      await eventually(
        () => metric("qrforge_quota_unreported_counts"),
        (unreported) => unreported === 0,
      );
      expect(await dayUsed(accountId)).toBe(20);
      expect(await once()).toBe(429);
    });
  }
});
