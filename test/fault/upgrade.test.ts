import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Kind } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";
import { lastRelease, unpackRelease } from "../support/release.ts";
import { root } from "../support/run.ts";
import { seed } from "../support/seed.ts";

let release: Awaited<ReturnType<typeof unpackRelease>> | undefined;
let running: Awaited<ReturnType<typeof startEphemeralCluster>>;
const started: ChildProcess[] = [];
const unlimited = { perMinute: 0n, perDay: 0n };

beforeAll(async () => {
  const name = await lastRelease();
  if (!name) return;
  [release, running] = await Promise.all([unpackRelease(name), startEphemeralCluster()]);
});
afterAll(async () => {
  await Promise.all(
    started.map(async (child) => {
      const ended = once(child, "exit");
      if (child.kill("SIGTERM")) await ended;
    }),
  );
  await running?.end();
  await release?.remove();
});

/** Starts a service of a folder's tree beside those of this tree, on the schema of this tree; answers its address. */
async function startFrom(folder: string, kind: Kind, env: Record<string, string> = {}): Promise<string> {
  const { cluster } = running;
  const child = spawn(process.execPath, [path.join(folder, "services", kind, "main.ts")], {
    env: {
      ...process.env,
      LISTEN_ADDRESS: "127.0.0.1:0",
      RPC_LISTEN_ADDRESS: "127.0.0.1:0",
      METRICS_LISTEN_ADDRESS: "127.0.0.1:0",
      DATABASE_URL: cluster.databaseUrl,
      NATS_URL: cluster.servers().nats?.url ?? "",
      ...env,
    },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  started.push(child);
  const [message] = (await once(child, "message")) as [{ ready: string }];
  return message.ready;
}

/** What a code is, whatever a later release adds to it. */
const essence = ({ id, name, slug, redirect_url, status, scan_count, created_at }: Record<string, unknown>) => ({
  ...{ id, name, slug, redirect_url, status, scan_count, created_at },
});

describe("the last release", () => {
  it("serves on the new schema, beside new services, with everything either of them wrote", {
    timeout: 90_000,
  }, async ({ skip }) => {
    if (!release) return skip("the history of the project is not here");
    const { cluster } = running;
    const [newEdge = ""] = cluster.edgeUrls();
    const startOld = (kind: Kind, env?: Record<string, string>) => startFrom(release?.folder as string, kind, env);
    const newAuth = openAuth(addressesOf(cluster, "auth"));
    const before = await newAuth.newAccount(Plan.ENTERPRISE, unlimited);
    const seeded = await seed(
      { QRFORGE_DATA_DIR: running.dataDir },
      { codes: 60, scans: 1_000, logos: 3, accounts: 2 },
    );

    const [auth, quota, qr] = await Promise.all((["auth", "quota", "qr"] as const).map((kind) => startOld(kind)));
    const addresses = { AUTH_ADDRESS: auth as string, QUOTA_ADDRESS: quota as string, QR_ADDRESS: qr as string };
    const [oldEdge, aheadEdge] = (
      await Promise.all([startOld("edge", addresses), startFrom(root, "edge", addresses)])
    ).map((address) => `http://${address}`) as [string, string];
    const oldAuth = openAuth([auth as string]);
    const after = await oldAuth.newAccount(Plan.ENTERPRISE, unlimited);

    for (const [index, { key }] of [before, after].entries()) {
      for (const [other, edge] of [oldEdge, newEdge].entries()) {
        const slug = `release-${index}-${other}`;
        const body = { name: "Code", redirect_url: "https://example.com/a", slug };
        expect((await call(`${edge}/v1/qr-codes`, { key, body })).status).toBe(201);
        for (const reader of [oldEdge, newEdge]) {
          expect((await call(`${reader}/v1/qr-codes/${slug}`, { key })).body.data.name).toBe("Code");
          expect(
            (await call(`${reader}/${slug}`, { headers: { "user-agent": "Mozilla/5.0 (X11) Firefox/140.0" } })).status,
          ).toBe(302);
          expect((await call(`${reader}/v1/qr-codes/${slug}/image`, { key })).status).toBe(200);
        }
        const counted = await eventually(
          () => call(`${oldEdge}/v1/qr-codes/${slug}`, { key }),
          ({ body }) => body.data.scan_count === 2,
          20_000,
        );
        expect(counted.body.data.scan_count).toBe(2);
      }
    }

    // An edge that was replaced before the services asks them nothing that they do not know.
    const batch = {
      qr_codes: [1, 2].map((place) => ({ name: `Ahead ${place}`, redirect_url: "https://example.com/" })),
    };
    const headers = { "idempotency-key": "ahead-of-the-services" };
    const made = await Promise.all(
      [1, 2].map(() =>
        eventually(
          () => call(`${aheadEdge}/v1/qr-codes/batch`, { key: before.key, body: batch, headers }),
          ({ status }) => status !== 409,
        ),
      ),
    );
    expect(made.map(({ status }) => status)).toEqual([201, 201]);
    expect(made[1]?.body.items).toEqual(made[0]?.body.items);

    // What others wrote with this release reads the same through both.
    const { account_id: accountId, codes } = seeded.accounts[0] as (typeof seeded.accounts)[number];
    const { secret: reader } = await newAuth.keys.createKey({ accountId, name: "reader" }, wait);
    const [oldList, newList] = await Promise.all(
      [
        [oldEdge, "limit"],
        [newEdge, "page_size"],
      ].map(async ([edge, size]) => {
        const { body } = await call(`${edge}/v1/qr-codes?status=all&${size}=100`, { key: reader });
        // The last release names the items of a list data.
        return body.items ?? body.data;
      }),
    );
    expect(newList.length).toBe(codes);
    expect(oldList.map(essence)).toEqual(newList.map(essence));
    for (const { id } of newList.slice(0, 5)) {
      const counts = [oldEdge, newEdge].map((edge) =>
        call(`${edge}/v1/qr-codes/${id}/scans?by=country`, { key: reader }),
      );
      const [one, other] = await Promise.all(counts);
      expect(one?.body.data).toEqual(other?.body.data);
    }

    // Edges of both releases hold leases at services of both.
    const { propagation } = await oldAuth.keys.revokeKey({ keyId: before.keyId }, wait);
    expect(propagation).toMatchObject({ acknowledgedCount: 3, waitedOutCount: 0 });
    await newAuth.keys.revokeKey({ keyId: after.keyId }, wait);
    for (const { key } of [before, after]) {
      for (const edge of [oldEdge, newEdge]) expect((await call(`${edge}/v1/usage`, { key })).status).toBe(401);
    }
    newAuth.close();
    oldAuth.close();
  });
});
