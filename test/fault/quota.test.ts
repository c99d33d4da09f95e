import { Agent, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasEnded } from "../../dev/child.ts";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { QuotaService } from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { eventually, openAuth, wait } from "../support/api.ts";

const limit = 100;
const requests = 2_000;
const limits = { perMinute: 0n, perDay: BigInt(limit) };

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let quota: { client: ReturnType<typeof createRpcClient<typeof QuotaService>>["client"]; close(): void };
const agent = new Agent({ keepAlive: true, maxSockets: 128 });

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({ replicas: { edge: 3, auth: 1, quota: 2, qr: 1 } }));
  auth = openAuth(addressesOf(cluster, "auth"));
  quota = createRpcClient(QuotaService, { address: addressesOf(cluster, "quota").join(",") });
});
afterAll(async () => {
  agent.destroy();
  auth.close();
  quota.close();
  await end();
});

function statusOf(index: number, key: string): Promise<number> {
  const { address } = cluster.members("edge")[index % 3] as Member;
  return new Promise((resolve) => {
    const sent = request(`http://${address}/v1/usage`, { agent, headers: { "x-api-key": key } }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
    sent.once("error", () => resolve(0));
    sent.end();
  });
}

/** 2,000 requests at once on a day limit of 100, and an accident once some have been answered. */
async function flood(key: string, accident: () => void = () => {}): Promise<number> {
  let answered = 0;
  let admitted = 0;
  await Promise.all(
    Array.from({ length: requests }, async (_, index) => {
      const status = await statusOf(index, key);
      if (status === 200) admitted++;
      if (++answered === 20) accident();
    }),
  );
  return admitted;
}

const newKey = () => newAccount(Plan.ENTERPRISE, limits);

/** Five requests of each of 1,000 accounts at once, on a day limit of 3. */
async function floodAccounts(accident: (answered: number) => void = () => {}) {
  // Auth may be without a database for a moment after the test before.
  const works = () => newKey().then(Boolean, () => false);
  await eventually(works, Boolean, 20_000);
  const accounts: Awaited<ReturnType<typeof newAccount>>[] = [];
  // Some at a time: each has to be there within its deadline, on a busy machine too.
  while (accounts.length < 1_000) {
    const some = Array.from({ length: 20 }, () => newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 3n }));
    accounts.push(...(await Promise.all(some)));
  }
  let answered = 0;
  return await Promise.all(
    accounts.map(async ({ key, accountId }) => {
      const statuses = await Promise.all(
        Array.from({ length: 5 }, async (_, index) => {
          const status = await statusOf(index, key);
          accident(++answered);
          return status;
        }),
      );
      return { accountId, admitted: statuses.filter((status) => status === 200).length };
    }),
  );
}

/** Starts the victims again, and makes sure that nobody else has ended. */
async function restart(...victims: Member[]): Promise<void> {
  const members = (["auth", "quota", "qr", "edge"] as const).flatMap((kind) => cluster.members(kind));
  expect(members.filter(({ child }) => hasEnded(child))).toEqual(victims);
  for (const victim of victims) await cluster.restart(victim);
}

/** What the table has for an account, once quota answers again. */
const charged = (accountId: string) =>
  eventually(
    () =>
      quota.client.peekQuota({ accountId, limits }, wait).then(
        ({ decision }) => Number(decision?.dayUsed),
        () => -1,
      ),
    (used) => used >= 0,
    20_000,
  );

/** A new account, asked for again while auth finds its way back to a Postgres that was killed. */
async function newAccount(...args: Parameters<typeof auth.newAccount>) {
  const made = await eventually(
    () => auth.newAccount(...args).catch(() => undefined),
    (account) => account !== undefined,
    20_000,
  );
  return made as NonNullable<typeof made>;
}

describe("of 2,000 requests at once on a limit of 100, over three edges and two quotas", { timeout: 90_000 }, () => {
  it("exactly 100 are admitted", async () => {
    const { key, accountId } = await newKey();
    expect(await flood(key)).toBe(limit);
    expect(await charged(accountId)).toBe(limit);
  });

  it("each of 1,000 accounts at once is admitted exactly its limit", async () => {
    const admitted = await floodAccounts();
    expect(new Set(admitted.map((one) => one.admitted))).toEqual(new Set([3]));
  });

  it("a replica that stops cleanly loses no usage by key", async () => {
    const { key, accountId } = await newKey();
    const victim = cluster.members("quota")[0] as Member;
    const fromDate = new Date().toISOString().slice(0, 10);
    const admitted = await flood(key, () => victim.child.kill("SIGTERM"));
    expect(admitted).toBe(limit);
    const usage = async () => {
      const toDate = new Date().toISOString().slice(0, 10);
      const { usages } = await quota.client.listKeyUsage({ accountId, fromDate, toDate }, wait);
      return usages.map((one) => [Number(one.admitted), Number(one.refused)]);
    };
    expect(await eventually(usage, ([row]) => (row?.[0] ?? 0) + (row?.[1] ?? 0) === requests)).toEqual([
      [limit, requests - limit],
    ]);
    await eventually(async () => hasEnded(victim.child), Boolean);
    await restart(victim);
  });

  it("never more are admitted when a replica is killed halfway, and every admitted one is in the table", async () => {
    const { key, accountId } = await newKey();
    const victim = cluster.members("quota")[0] as Member;
    const admitted = await flood(key, () => victim.child.kill("SIGKILL"));
    const used = await charged(accountId);
    expect(admitted).toBeGreaterThan(0);
    expect(admitted).toBeLessThanOrEqual(used);
    expect(used).toBeLessThanOrEqual(limit);
    await restart(victim);
  });

  it("never more are admitted when Postgres is killed halfway, and every admitted one is in the table", async () => {
    const { key, accountId } = await newKey();
    const admitted = await flood(key, () => process.kill(cluster.servers().postgres?.pid as number, "SIGKILL"));
    const used = await charged(accountId);
    expect(admitted).toBeGreaterThan(0);
    expect(admitted).toBeLessThanOrEqual(used);
    expect(used).toBeLessThanOrEqual(limit);
    await eventually(
      () => statusOf(0, key),
      (status) => status === 200 || status === 429,
      20_000,
    );
    await restart();
  });

  it("none of 1,000 accounts is admitted more when a replica and Postgres are killed halfway", async () => {
    const victim = cluster.members("quota")[1] as Member;
    const admitted = await floodAccounts((answered) => {
      if (answered === 500) victim.child.kill("SIGKILL");
      if (answered === 2_000) process.kill(cluster.servers().postgres?.pid as number, "SIGKILL");
    });
    expect(admitted.reduce((sum, one) => sum + one.admitted, 0)).toBeGreaterThan(0);
    await restart(victim);
    for (const one of admitted) {
      const used = await charged(one.accountId);
      expect(one.admitted).toBeLessThanOrEqual(used);
      expect(used).toBeLessThanOrEqual(3);
    }
  });
});
