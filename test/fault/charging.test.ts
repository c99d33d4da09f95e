import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { ApiService } from "../../gen/qrforge/api/v1/api_pb.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { QuotaService } from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let quota: ReturnType<typeof createRpcClient<typeof QuotaService>>;
let edge: string;
let rpc: string;

const unlimited = { perMinute: 1_000_000n, perDay: 1_000_000n };
const requests = 600;

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({
    replicas: { edge: 1, auth: 1, quota: 2, qr: 1 },
    env: {
      edge: {
        API_IN_FLIGHT_MAX: "100",
        ACCOUNT_IN_FLIGHT_MAX: "2",
        UPSTREAM_TIMEOUT_MS: "800",
        QUOTA_TIMEOUT_MS: "700",
      },
    },
    restart: true,
  }));
  auth = openAuth(addressesOf(cluster, "auth"));
  quota = createRpcClient(QuotaService, { address: addressesOf(cluster, "quota").join(",") });
  edge = cluster.edgeUrls()[0] as string;
  rpc = `http://${cluster.members("edge")[0]?.rpc}`;
});
afterAll(async () => {
  auth.close();
  quota.close();
  await end();
});

/** How one request was answered: served, or refused before its handler began. GET /v1/usage asks nobody in its handler. */
type Ask = (key: string) => Promise<"served" | "refused">;

const overHttp: Ask = async (key) => {
  const { status } = await call(`${edge}/v1/usage`, { key });
  expect([200, 503, 504]).toContain(status);
  return status === 200 ? "served" : "refused";
};

function overGrpc(): Ask {
  const client = createClient(ApiService, createGrpcTransport({ baseUrl: rpc }));
  return async (key) => {
    try {
      await client.getUsage({}, { headers: { "x-api-key": key } });
      return "served";
    } catch (error) {
      expect([Code.Unavailable, Code.DeadlineExceeded]).toContain(ConnectError.from(error).code);
      return "refused";
    }
  };
}

/** Returns the units that an account has used today, or -1 while quota cannot say. */
async function chargedTo(accountId: string): Promise<number> {
  try {
    const { decision } = await quota.client.peekQuota({ accountId, limits: unlimited }, wait);
    return Number(decision?.dayUsed);
  } catch {
    return -1;
  }
}

/** Returns the value of a series of the edge's metrics; undefined if it has none yet. */
async function metric(series: string): Promise<number | undefined> {
  const text = await (await fetch(`http://${cluster.members("edge")[0]?.metrics}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.split(" ")[1]);
}

/** Resolves once a new account and its key work: after Postgres was killed it may take a moment. */
async function newAccount(...args: Parameters<typeof auth.newAccount>) {
  const made = await eventually(
    () => auth.newAccount(...args).catch(() => undefined),
    (account) => account !== undefined,
    20_000,
  );
  return made as NonNullable<typeof made>;
}

/**
 * Floods with one account while another calls, and expects the account to be charged exactly the requests that were served.
 * With something that `disturb`s, fewer requests are in flight at once, and it happens when some of them have been served.
 */
async function expectExactCharge(ask: Ask, disturb?: (other: string) => Promise<void> | void): Promise<void> {
  const [flooding, other] = [
    await newAccount(Plan.ENTERPRISE, unlimited),
    await newAccount(Plan.ENTERPRISE, unlimited),
  ];
  let isRunning = true;
  const beside = (async () => {
    while (isRunning) await ask(other.key as string);
  })();
  let served = 0;
  let left = requests;
  let disturbed: Promise<void> | undefined;
  await Promise.all(
    Array.from({ length: disturb ? 40 : requests }, async () => {
      while (left-- > 0) {
        if ((await ask(flooding.key as string)) === "served") served++;
        if (disturb && served === 20) disturbed ??= Promise.resolve(disturb(other.key as string));
      }
    }),
  );
  await disturbed;
  isRunning = false;
  await beside;
  expect(served).toBeGreaterThan(0);
  expect(served).toBeLessThan(requests);
  // Nothing is under way any more, so what is charged now stays so.
  await eventually(
    () => metric("qrforge_quota_refunds_pending"),
    (pending) => pending === 0,
    30_000,
  );
  const used = await eventually(
    () => chargedTo(flooding.accountId),
    (units) => units >= 0,
    30_000,
  );
  expect(used).toBe(served);
}

/** Sends a signal to replicas of quota. */
function signal(name: NodeJS.Signals, members = cluster.members("quota")): void {
  for (const { child } of members) child.kill(name);
}

describe("a request that is refused for overload or time has not been charged", { timeout: 90_000 }, () => {
  it("over HTTP, while its account floods beside another", () => expectExactCharge(overHttp));

  it("over gRPC, while its account floods beside another", () => expectExactCharge(overGrpc()));

  it("when quota hangs for longer than a request may take, and then goes on", async () => {
    await expectExactCharge(overHttp, async (other) => {
      signal("SIGSTOP");
      expect(await overHttp(other)).toBe("refused");
      signal("SIGCONT");
    });
    expect(await metric('qrforge_quota_refunds_total{result="done"}')).toBeDefined();
  });

  it("when one replica of quota hangs, over gRPC", async () => {
    const ask = overGrpc();
    await expectExactCharge(ask, async (other) => {
      const [hung] = cluster.members("quota");
      signal("SIGSTOP", hung && [hung]);
      await eventually(
        () => ask(other),
        (answer) => answer === "refused",
      );
      signal("SIGCONT");
    });
  });

  it("when the replicas of quota are killed", () => expectExactCharge(overHttp, () => signal("SIGKILL")));

  it("when Postgres is killed", () =>
    expectExactCharge(overHttp, () => {
      process.kill(cluster.servers().postgres?.pid as number, "SIGKILL");
    }));
});
