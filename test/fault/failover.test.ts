import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../dev/cluster.ts";
import { ephemeralOptions } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { onServer, type Pair, startPair } from "../cluster/postgres.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";
import { runProgram } from "../support/run.ts";

const revocations = 5;
const aborting = new AbortController();
let folder: string;
let pair: Pair;
let cluster: Cluster;
let auth: ReturnType<typeof openAuth>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-failover-"));
  pair = await startPair(folder, aborting.signal, { synchronous: false });
  const dataDir = path.join(folder, "cluster");
  await mkdir(dataDir);
  // There is no NATS: edges learn of changes by their renewals alone.
  const natsUrl = "nats://127.0.0.1:9";
  cluster = await startCluster({ ...ephemeralOptions, dataDir, databaseUrl: pair.url, natsUrl });
  auth = openAuth(addressesOf(cluster, "auth"));
});
afterAll(async () => {
  aborting.abort();
  auth?.close();
  await cluster?.stop();
  await pair?.stop();
  await rm(folder, { recursive: true, force: true });
});

const statusOf = async (key: string) => (await call(`${cluster.edgeUrls()[0]}/v1/usage`, { key })).status;
const followRedirect = async (slug: string) => (await call(`${cluster.edgeUrls()[0]}/${slug}`)).status;
const newKey = () => auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 0n });
const revoke = ({ keyId }: { keyId: string }) => auth.keys.revokeKey({ keyId }, { timeoutMs: 20_000 });

describe("with an asynchronous standby", () => {
  it("the doctor warns that a failover can bring revoked keys back", async () => {
    const { output } = await runProgram("node", ["cli/doctor.ts", "--json"], {
      env: { QRFORGE_DATA_DIR: path.join(folder, "cluster"), DATABASE_URL: "", NATS_URL: "" },
    });
    const { findings } = JSON.parse(output) as { findings: { area: string; level: string; text: string }[] };
    expect(findings.filter(({ area, level }) => area === "standbys" && level !== "good")).toEqual([
      expect.objectContaining({ level: "warn", text: "no standby is synchronous" }),
    ]);
  });

  it("keys that are revoked after a failover that lost commits are dead, whatever edges had applied before", {
    timeout: 120_000,
  }, async () => {
    const keys = await Promise.all(Array.from({ length: 2 * revocations }, newKey));
    const { key } = await newKey();
    for (const { key } of keys) expect(await statusOf(key)).toBe(200);
    await eventually(
      () =>
        onServer(pair.standby.url, (sql) => sql`select 1 from auth.keys where key_id = ${keys.at(-1)?.keyId ?? ""}`),
      (rows) => rows.length === 1,
    );

    await pair.cutOff();
    const lost = keys.slice(0, revocations);
    for (const { propagation } of await Promise.all(lost.map(revoke)))
      expect(propagation).toMatchObject({ acknowledgedCount: 1, waitedOutCount: 0 });
    for (const { key } of lost) expect(await statusOf(key)).toBe(401);
    const body = { name: "Lost", redirect_url: "https://example.com/", slug: "lost-code" };
    expect((await call(`${cluster.edgeUrls()[0]}/v1/qr-codes`, { key, body })).status).toBe(201);
    expect(await followRedirect(body.slug)).toBe(302);

    // The edge learns nothing until the positions of the lost revocations are used again.
    const [edge] = cluster.members("edge");
    edge?.child.kill("SIGSTOP");
    await pair.failOver();
    const revoked = keys.slice(revocations);
    const answers = revoked.map((one) =>
      eventually(
        () => revoke(one).catch(() => undefined),
        (answer) => answer !== undefined,
        30_000,
      ),
    );
    await eventually(
      () => onServer(pair.standby.url, (sql) => sql`select 1 from auth.keys where status = 'revoked'`),
      (rows) => rows.length === revocations,
      30_000,
    );
    edge?.child.kill("SIGCONT");
    await Promise.all(answers);
    for (let round = 0; round < 3; round++) {
      for (const { key } of revoked) expect(await statusOf(key)).toBe(401);
      await auth.keys.listKeys({ accountId: revoked[0]?.accountId ?? "" }, wait);
    }

    // What was lost stays lost: a revocation, and a code that edges had in their caches.
    expect(
      await eventually(
        () => statusOf(lost[0]?.key ?? ""),
        (status) => status === 200,
      ),
    ).toBe(200);
    expect(
      await eventually(
        () => followRedirect(body.slug),
        (status) => status === 404,
      ),
    ).toBe(404);
  });
});
