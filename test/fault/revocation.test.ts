import { Agent, request } from "node:http";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";

const requestsAfter = 10_000;
const connections = 12;
const unlimited = { perMinute: 0n, perDay: 0n };

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let sql: postgres.Sql;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({ replicas: { edge: 3, auth: 2, quota: 1, qr: 1 } }));
  auth = openAuth(addressesOf(cluster, "auth"));
  sql = postgres(cluster.databaseUrl, { max: 1 });
});
afterAll(async () => {
  agent.destroy();
  auth.close();
  await sql.end();
  await end();
});

const edges = () => cluster.members("edge");
const runs = ({ child }: Member) => child.exitCode === null && child.signalCode === null;

/** The status of a request, or 0 if it could not be made or took over a second. */
function probe(edge: Member, key: string): Promise<number> {
  return new Promise((resolve) => {
    const sent = request(`http://${edge.address}/v1/usage`, { agent, headers: { "x-api-key": key } }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
    sent.setTimeout(1_000, () => sent.destroy(new Error("too slow")));
    sent.once("error", () => resolve(0));
    sent.end();
  });
}

const newKey = () => auth.newAccount(Plan.ENTERPRISE, unlimited);

/** Requests with some keys on all edges, until stopped; tells what became of them. */
function keepBusy(keys: string[]) {
  let stopped = false;
  const counts = { served: 0, refused: 0, failed: 0 };
  async function worker(key: string, edge: Member): Promise<void> {
    while (!stopped) {
      const status = await probe(edge, key);
      if (status === 200) counts.served++;
      else if (status === 401) counts.refused++;
      else if (status >= 500) counts.failed++;
      // An edge that is down answers nothing at once; the others are to have the processor.
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const workers = keys.flatMap((key) => edges().map((edge) => worker(key, edge)));
  return {
    async stop() {
      stopped = true;
      await Promise.all(workers);
      return counts;
    },
  };
}

/** Sends requests with a dead key, each of which starts now or later, until `requestsAfter` are answered; what were they? */
async function servedAfter(key: string, targets: Member[]): Promise<{ served: number; refused: number }> {
  const counts = { served: 0, refused: 0 };
  const answered = () => counts.served + counts.refused;
  const giveUpAt = performance.now() + 60_000;
  await Promise.all(
    Array.from({ length: connections }, async (_, index) => {
      while (answered() < requestsAfter && performance.now() < giveUpAt) {
        const status = await probe(targets[index % targets.length] as Member, key);
        if (status === 200) counts.served++;
        if (status === 401) counts.refused++;
      }
    }),
  );
  return counts;
}

/** One case: a key warm on all edges under load, an accident, a revocation or rotation, and what is served afterwards. */
async function killKey(options: {
  onKey?: (key: string) => void;
  accident?: () => Promise<void> | void;
  kill?: (keyId: string) => Promise<unknown>;
  targets?: () => Member[];
  meanwhile?: () => Promise<void>;
}): Promise<{ served: number; refused: number; others: { served: number; refused: number; failed: number } }> {
  const { key, keyId } = await newKey();
  options.onKey?.(key);
  const others = [(await newKey()).key, (await newKey()).key];
  for (const edge of edges()) {
    await eventually(
      () => probe(edge, key),
      (status) => status === 200,
      20_000,
    );
  }
  const load = keepBusy(others);
  const ownLoad = keepBusy([key]);
  await options.accident?.();
  await (options.kill ?? ((id) => auth.keys.revokeKey({ keyId: id }, wait)))(keyId);
  const after = servedAfter(key, (options.targets ?? edges)());
  await options.meanwhile?.();
  const counts = await after;
  await ownLoad.stop();
  return { ...counts, others: await load.stop() };
}

/** Keys that nobody touched were served throughout: none refused, none failed. */
function expectUntouched(others: { served: number; refused: number; failed: number }): void {
  expect(others).toMatchObject({ refused: 0, failed: 0 });
  expect(others.served).toBeGreaterThan(100);
}

async function restart(member: Member): Promise<void> {
  await cluster.restart(member);
}

describe("once revoke or rotate has returned, the old key is dead on every edge", { timeout: 120_000 }, () => {
  it("(a) when all is well", async () => {
    for (const kill of [
      (keyId: string) => auth.keys.revokeKey({ keyId }, wait),
      (keyId: string) => auth.keys.rotateKey({ keyId }, wait),
    ]) {
      const { served, refused, others } = await killKey({ kill });
      expect(served).toBe(0);
      expect(refused).toBeGreaterThanOrEqual(requestsAfter);
      expectUntouched(others);
    }
  });

  it("(b) when NATS is stopped", async ({ skip }) => {
    if (!cluster.servers().nats) return skip("there is no nats-server to be had here");
    await cluster.command({ stop: "nats" });
    const { served, refused, others } = await killKey({}).finally(() => cluster.command({ start: "nats" }));
    expect(served).toBe(0);
    expect(refused).toBeGreaterThanOrEqual(requestsAfter);
    expectUntouched(others);
  });

  it("(c) when an edge is paused, also on that edge once it goes on", async () => {
    const paused = edges()[2] as Member;
    let deadKey = "";
    const { served, refused, others } = await killKey({
      onKey: (key) => {
        deadKey = key;
      },
      accident: () => void paused.child.kill("SIGSTOP"),
      meanwhile: async () => void paused.child.kill("SIGCONT"),
    });
    expect(served).toBe(0);
    expect(refused).toBeGreaterThanOrEqual(requestsAfter);
    expectUntouched(others);
    expect(
      await eventually(
        () => probe(paused, deadKey),
        (status) => status !== 0,
      ),
    ).toBe(401);
  });

  it("(d) when an edge is killed", async () => {
    const killed = edges()[2] as Member;
    const { served, refused, others } = await killKey({
      accident: () => void killed.child.kill("SIGKILL"),
      targets: () => edges().filter((edge) => edge !== killed),
    });
    expect(served).toBe(0);
    expect(refused).toBeGreaterThanOrEqual(requestsAfter);
    expectUntouched(others);
    await eventually(
      async () => runs(killed),
      (running) => !running,
    );
    await restart(killed);
  });

  it("(e) when auth is killed in the middle of the revocation and it is asked again", async () => {
    const victim = cluster.members("auth")[0] as Member;
    const alone = openAuth([victim.address]);
    const { served, refused, others } = await killKey({
      kill: async (keyId) => {
        // With an edge that does not answer the call waits, committed, for that edge's lease to run out.
        const silent = edges()[2] as Member;
        silent.child.kill("SIGSTOP");
        let returned = false;
        const first = alone.keys.revokeKey({ keyId }, { timeoutMs: 5_000 }).then(
          () => {
            returned = true;
          },
          () => undefined,
        );
        const status = async () => (await sql`select status from auth.keys where key_id = ${keyId}`)[0]?.status;
        await eventually(status, (now) => now === "revoked");
        expect(returned).toBe(false);
        victim.child.kill("SIGKILL");
        await first;
        expect(returned).toBe(false);
        silent.child.kill("SIGCONT");
        await eventually(
          () =>
            auth.keys.revokeKey({ keyId }, wait).then(
              () => true,
              () => false,
            ),
          (done) => done,
          20_000,
        );
      },
    });
    alone.close();
    expect(served).toBe(0);
    expect(refused).toBeGreaterThanOrEqual(requestsAfter);
    expectUntouched(others);
    await restart(victim);
  });

  it("(f) when an edge is cut from NATS but not from auth", async ({ skip }) => {
    if (!cluster.servers().nats) return skip("there is no nats-server to be had here");
    const cut = edges()[0] as Member;
    cut.child.kill("SIGTERM");
    await eventually(
      async () => runs(cut),
      (running) => !running,
    );
    cut.env = { NATS_URL: "nats://127.0.0.1:9" };
    await restart(cut);
    const { served, refused, others } = await killKey({});
    expect(served).toBe(0);
    expect(refused).toBeGreaterThanOrEqual(requestsAfter);
    expectUntouched(others);
  });
});

describe("once an account's disabling has returned, no scan of its codes that starts is redirected", {
  timeout: 120_000,
}, () => {
  const scan = async (edge: Member, slug: string) => (await call(`http://${edge.address}/${slug}`)).status;
  /** The statuses of some scans at each of these edges. */
  const scans = async (slug: string, targets = edges()) =>
    new Set(await Promise.all(targets.flatMap((edge) => Array.from({ length: 50 }, () => scan(edge, slug)))));

  /** Creates an account with a code that every edge has in its cache. */
  async function newCode() {
    const { accountId, key } = await newKey();
    const body = { name: "Menu", redirect_url: "https://example.com/" };
    const created = await call(`http://${edges()[0]?.address}/v1/qr-codes`, { key, body });
    const slug: string = created.body.data.slug;
    for (const edge of edges()) {
      await eventually(
        () => scan(edge, slug),
        (status) => status === 302,
      );
    }
    return { accountId, key, slug };
  }

  it("(g) when NATS is stopped", async ({ skip }) => {
    if (!cluster.servers().nats) return skip("there is no nats-server to be had here");
    const { accountId, slug } = await newCode();
    await cluster.command({ stop: "nats" });
    await auth.accounts
      .disableAccount({ accountId }, { timeoutMs: 20_000 })
      .finally(() => cluster.command({ start: "nats" }));
    expect(await scans(slug)).toEqual(new Set([410]));
    await auth.accounts.enableAccount({ accountId }, { timeoutMs: 20_000 });
    expect(await scans(slug)).toEqual(new Set([302]));
  });

  it("(h) when an edge is paused, also on that edge once it goes on", async () => {
    const { accountId, slug } = await newCode();
    const paused = edges()[2] as Member;
    paused.child.kill("SIGSTOP");
    try {
      await auth.accounts.disableAccount({ accountId }, { timeoutMs: 20_000 });
      const others = edges().filter((edge) => edge !== paused);
      expect(await scans(slug, others)).toEqual(new Set([410]));
    } finally {
      paused.child.kill("SIGCONT");
    }
    expect(await scans(slug, [paused])).toEqual(new Set([410]));
  });

  it("(i) when qr was away and auth is killed before it could hand the state over, once qr is back", async () => {
    const { accountId, key, slug } = await newCode();
    const [qr] = cluster.members("qr");
    const [victim] = cluster.members("auth");
    if (!qr || !victim) throw new Error("the cluster has no qr or no auth");
    qr.child.kill("SIGKILL");
    await eventually(
      async () => runs(qr),
      (running) => !running,
    );
    const alone = openAuth([victim.address]);
    await expect(alone.accounts.disableAccount({ accountId }, { timeoutMs: 20_000 })).rejects.toMatchObject({
      reason: "UNAVAILABLE",
      message: expect.stringMatching(
        /^The account is disabled and none of its keys and sessions works, but qr, .* has not/,
      ),
    });
    for (const edge of edges()) expect(await probe(edge, key)).toBe(401);
    await eventually(
      async () => (await fetch(`http://${victim.metrics}/metrics`)).text(),
      (metrics) => /^qrforge_takedowns_pending(?:\{[^}]*\})? 1$/m.test(metrics),
    );
    victim.child.kill("SIGKILL");
    alone.close();
    await restart(qr);
    for (const edge of edges()) {
      await eventually(
        () => scan(edge, slug),
        (status) => status === 410,
        20_000,
      );
    }
    await restart(victim);
  });
});
