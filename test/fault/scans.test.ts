import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasEnded } from "../../dev/child.ts";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth } from "../support/api.ts";

const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1";

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({
    replicas: { edge: 2, auth: 1, quota: 1, qr: 2 },
    env: { edge: { TRUSTED_PROXIES: "127.0.0.0/8", COUNTRY_HEADER: "CF-IPCountry" } },
  }));
  auth = openAuth(addressesOf(cluster, "auth"));
});
afterAll(async () => {
  auth.close();
  await end();
});

async function newCode() {
  const { key } = await auth.newAccount(Plan.ENTERPRISE);
  const edge = cluster.edgeUrls()[0] as string;
  const created = await eventually(
    () => call(`${edge}/v1/qr-codes`, { key, body: { name: "n", redirect_url: "https://example.com/" } }),
    ({ status }) => status === 201,
    20_000,
  );
  const { id, slug } = created.body.data;
  const count = async () => (await call(`${edge}/v1/qr-codes/${id}`, { key })).body?.data?.scan_count ?? -1;
  return { key, id, slug, count };
}

/** Redirects before and after what happens in the middle of a scenario. */
const redirectsMin = 100;

/** Begins to scan at both edges; `answered` is how many scans each has answered with a redirect. */
function startScanning(slug: string) {
  const answered = [0, 0];
  let over = false;
  const workers = Array.from({ length: 8 }, async (_, worker) => {
    for (let scan = worker; !over; scan++) {
      const edge = cluster.edgeUrls()[scan % 2];
      const status = await call(`${edge}/${slug}`, { headers: { "user-agent": phone } }).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 302) (answered[scan % 2] as number)++;
    }
  });
  return {
    answered,
    async stop(): Promise<void> {
      over = true;
      await Promise.all(workers);
    },
  };
}

/** Scans, lets something happen after some redirects, and stops after some more. Returns the redirects of each edge. */
async function scanThrough(slug: string, accident: () => unknown): Promise<number[]> {
  const { answered, stop } = startScanning(slug);
  const answeredBy = (count: number) =>
    eventually(
      async () => sum(answered),
      (now) => now >= count,
      20_000,
    );
  try {
    await answeredBy(redirectsMin);
    await accident();
    await answeredBy(sum(answered) + redirectsMin);
  } finally {
    await stop();
  }
  return answered;
}

async function acknowledged(edge: Member): Promise<number> {
  const text = await (await fetch(`http://${edge.metrics}/metrics`)).text();
  return Number(/qrforge_scans_total\{outcome="acknowledged"\} (\d+)/.exec(text)?.[1] ?? 0);
}

const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0);

describe("scans", { timeout: 60_000 }, () => {
  it("are each counted once when qr is killed while they are made", async () => {
    const { slug, count } = await newCode();
    const victim = cluster.members("qr")[0] as Member;
    const answered = sum(await scanThrough(slug, () => victim.child.kill("SIGKILL")));
    expect(answered).toBeGreaterThan(100);
    await eventually(count, (counted) => counted >= answered, 20_000);
    expect(await count()).toBe(answered);
    await cluster.restart(victim);
  });

  it("are each counted once when NATS goes and comes back while they are made", async () => {
    const { slug, count } = await newCode();
    const answered = sum(
      await scanThrough(slug, async () => {
        process.kill(cluster.servers().nats?.pid as number, "SIGKILL");
      }),
    );
    await eventually(count, (counted) => counted >= answered, 20_000);
    expect(await count()).toBe(answered);
  });

  it("are each counted once without NATS", async () => {
    const { slug, count } = await newCode();
    await cluster.command({ stop: "nats" });
    const answered = sum(await scanThrough(slug, () => {}));
    await eventually(count, (counted) => counted >= answered, 20_000);
    expect(await count()).toBe(answered);
    await cluster.command({ start: "nats" });
  });

  it("that were acknowledged outlive an edge that is killed, and none is counted twice", async () => {
    const { slug, count } = await newCode();
    const [other, victim] = cluster.members("edge") as [Member, Member];
    const before = [await acknowledged(other), await acknowledged(victim)];
    let least = 0;
    const answered = await scanThrough(slug, async () => {
      // Scans gather at the edge before they are handed on, so they are acknowledged later than redirected.
      least = await eventually(
        async () => (await acknowledged(victim)) - (before[1] as number),
        (count) => count > 50,
        20_000,
      );
      victim.child.kill("SIGKILL");
    });
    const rest = answered[0] as number;
    await eventually(
      () => acknowledged(other),
      (now) => now - (before[0] as number) >= rest,
      20_000,
    );
    await eventually(count, (counted) => counted >= least + rest, 20_000);
    expect(await count()).toBeLessThanOrEqual(sum(answered));
    await eventually(async () => hasEnded(victim.child), Boolean);
    await cluster.restart(victim);
  });

  it("tell the country that a trusted proxy told, and the client's address behind it", async () => {
    const { key, id, slug } = await newCode();
    const edge = cluster.edgeUrls()[0];
    for (const [country, address] of [
      ["DE", "192.0.2.1"],
      ["DE", "192.0.2.1"],
      ["FR", "192.0.2.2"],
      ["XX", "192.0.2.3"],
    ] as [string, string][]) {
      const headers = { "user-agent": phone, "cf-ipcountry": country, "x-forwarded-for": address };
      await call(`${edge}/${slug}`, { headers });
    }
    const counts = await eventually(
      async () => (await call(`${edge}/v1/qr-codes/${id}/scans?by=country`, { key })).body.data,
      // The total and the values are read one after the other.
      ({ total, values }) => total >= 4 && values.length >= 3,
    );
    expect(counts.values).toEqual([
      { value: "DE", scans: 2 },
      { value: "FR", scans: 1 },
      { value: "unknown", scans: 1 },
    ]);
    expect(counts.unique_visitors).toBe(3);
  });
});
