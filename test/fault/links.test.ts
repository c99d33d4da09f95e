/**
 * What is between two processes falls silent, half open, slow, or resets its connections, under light load: the API is back
 * soon after new connections work, `/readyz` turns meanwhile, and a process that is told to stop stops by itself.
 */
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endChild, hasEnded } from "../../dev/child.ts";
import type { Cluster, Kind, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth } from "../support/api.ts";
import { type FaultyLink, startFaultyLink } from "../support/faulty-link.ts";

/** Far more than the few seconds in which it is back on an idle machine, and far less than without timeouts of its own. */
const backMaxMs = 20_000;
const backends = ["auth", "quota", "qr"] as const;
type Name = `edge to ${(typeof backends)[number]}` | `${Exclude<Kind, "edge">} to Postgres` | "NATS";

const links = {} as Record<Name, FaultyLink>;
let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let edge: string;
let key: string;
let accountId: string;
let slug: string;
const load = new AbortController();
let loading: Promise<unknown>;
let hasNats: boolean;

const to = (address: string) => {
  const { hostname, port } = new URL(address.includes("://") ? address : `http://${address}`);
  return { host: hostname, port: Number(port) };
};
const through = (url: string, link: FaultyLink) =>
  Object.assign(new URL(url), { hostname: "127.0.0.1", port: link.port }).href;
const statusOf = (path: string, body?: object) =>
  call(`${edge}${path}`, { key, body }).then(
    ({ status }) => status,
    () => 0,
  );

/** Asks each service for something that needs its database, and for a scan. */
async function works(): Promise<boolean> {
  const name = `code ${Math.random()}`;
  return (
    (await auth.accounts.getAccount({ accountId }, { timeoutMs: 5_000 }).then(Boolean, () => false)) &&
    (await statusOf("/v1/usage")) === 200 &&
    (await statusOf("/v1/qr-codes", { name, redirect_url: "https://example.com/" })) === 201 &&
    (await statusOf(`/${slug}`)) === 302
  );
}
const isReady = async () => (await statusOf("/readyz")) === 200;
const isBack = async () => (await works()) && (await isReady());

beforeAll(async () => {
  const names: Name[] = [...backends.flatMap((kind) => [`edge to ${kind}`, `${kind} to Postgres`] as Name[]), "NATS"];
  for (const name of names) links[name] = await startFaultyLink();
  const address = (kind: (typeof backends)[number]) => `127.0.0.1:${links[`edge to ${kind}`].port}`;
  ({ cluster, end } = await startEphemeralCluster({
    env: {
      // So few that connections which are not given up are soon all that there are.
      ...Object.fromEntries(backends.map((kind) => [kind, { DATABASE_POOL_SIZE: "2" }])),
      edge: { AUTH_ADDRESS: address("auth"), QUOTA_ADDRESS: address("quota"), QR_ADDRESS: address("qr") },
    },
  }));
  const server = cluster.servers().nats;
  // Without the operator's credentials: each member has a user of its own.
  const nats = server && `nats://${new URL(server.url).host}`;
  hasNats = nats !== null;
  if (nats) links.NATS.leadTo(to(nats));
  // Only now it is known where Postgres and NATS are.
  async function lead(member: Member, env: Record<string, string>): Promise<void> {
    member.env = { ...env, ...(nats && { NATS_URL: through(nats, links.NATS) }) };
    await endChild(member.child, 15_000);
    await cluster.restart(member);
  }
  await Promise.all(
    backends.map(async (kind) => {
      const [member] = cluster.members(kind) as [Member];
      links[`edge to ${kind}`].leadTo(to(member.address));
      links[`${kind} to Postgres`].leadTo(to(cluster.databaseUrl));
      await lead(member, { DATABASE_URL: through(cluster.databaseUrl, links[`${kind} to Postgres`]) });
    }),
  );
  await lead(cluster.members("edge")[0] as Member, {});
  [edge = ""] = cluster.edgeUrls();
  auth = openAuth(addressesOf(cluster, "auth"));
  ({ key, accountId } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 0n }));
  await eventually(isReady, Boolean);
  const made = await call(`${edge}/v1/qr-codes`, { key, body: { name: "a", redirect_url: "https://example.com/" } });
  slug = made.body.data.slug;
  const work = async () => {
    while (!load.signal.aborted) {
      await works();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  loading = Promise.all([work(), work(), work()]);
});
afterAll(async () => {
  load.abort();
  for (const link of Object.values(links)) link.heal();
  await loading;
  auth?.close();
  await end?.();
  for (const link of Object.values(links)) await link.close();
});

describe("the API is back", () => {
  it.each([
    ["the edge to each service", backends.map((kind): Name => `edge to ${kind}`)],
    ["each service to Postgres", backends.map((kind): Name => `${kind} to Postgres`)],
  ])("when connections fall silent from %s", async (_what, names) => {
    await eventually(isBack, Boolean, backMaxMs);
    for (const name of names) links[name].silence();
    await eventually(isBack, Boolean, backMaxMs);
  });

  it("when connections are half open, or are reset", async () => {
    for (const fault of ["halfOpen", "reset"] as const) {
      for (const link of Object.values(links)) link[fault]();
      await eventually(isBack, Boolean, backMaxMs);
    }
  });

  it("while each packet of Postgres takes 200 ms", async () => {
    const slow = backends.map((kind) => links[`${kind} to Postgres`]);
    for (const link of slow) link.delay(200);
    await eventually(works, Boolean, backMaxMs);
    for (const link of slow) link.delay(0);
    await eventually(isBack, Boolean, backMaxMs);
  });
});

describe("while Postgres takes connections and answers nothing", () => {
  it("/readyz says so, and is back when it answers", async () => {
    const all = backends.map((kind) => links[`${kind} to Postgres`]);
    for (const link of all) link.silence({ all: true });
    expect(
      await eventually(
        () => statusOf("/readyz"),
        (status) => status !== 200,
        backMaxMs,
      ),
    ).toBe(503);
    // Nobody waits for more than the time of a request.
    expect([503, 504]).toContain(await statusOf("/v1/usage"));
    for (const link of all) link.heal();
    await eventually(isBack, Boolean, backMaxMs);
  });
});

describe("while NATS is silent", () => {
  it("the API works, changes return, and scans are counted", async ({ skip }) => {
    if (!hasNats) skip("there is no nats-server");
    links.NATS.silence({ all: true });
    expect(await works()).toBe(true);
    const { keys, newAccount } = auth;
    const { keyId, key: dead } = await newAccount();
    await keys.revokeKey({ keyId }, { timeoutMs: 10_000 });
    expect((await call(`${edge}/v1/usage`, { key: dead })).status).toBe(401);
    const made = await call(`${edge}/v1/qr-codes`, { key, body: { name: "a", redirect_url: "https://example.com/" } });
    const { id, slug: its } = made.body.data;
    expect(await statusOf(`/${its}`)).toBe(302);
    await eventually(
      () => call(`${edge}/v1/qr-codes/${id}/scans`, { key }),
      ({ body }) => body?.data?.total === 1,
      backMaxMs,
    );
    links.NATS.heal();
  });
});

describe("while everything is silent", () => {
  it("each process stops by itself when it is told to", async () => {
    for (const link of Object.values(links)) link.silence({ all: true });
    load.abort();
    await loading;
    const members = (["edge", ...backends] as const).flatMap((kind) => cluster.members(kind));
    const codes = await Promise.all(
      members.map(async ({ name, child }) => {
        const exit = once(child, "exit");
        child.kill("SIGTERM");
        if (!hasEnded(child)) await exit;
        return [name, child.exitCode];
      }),
    );
    expect(codes).toEqual(members.map(({ name }) => [name, 0]));
  });
});
