import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Member, Suite } from "../../dev/cluster.ts";
import { startThrowaway } from "../../dev/ephemeral-cluster.ts";
import { ApiService } from "../../gen/qrforge/api/v1/api_pb.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { QuotaService } from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";

let suite: Suite;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let quota: ReturnType<typeof createRpcClient<typeof QuotaService>>;
let edge: string;
let rpc: string;

const unlimited = { perMinute: 1_000_000n, perDay: 1_000_000n };

beforeAll(async () => {
  ({ suite, end } = await startThrowaway({
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
  auth = openAuth(addressesOf(suite, "auth"));
  quota = createRpcClient(QuotaService, { address: addressesOf(suite, "quota").join(",") });
  edge = suite.edgeUrls()[0] as string;
  rpc = `http://${suite.members("edge")[0]?.rpc}`;
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

/** Units that an account has used today. */
async function chargedTo(accountId: string): Promise<number> {
  const { decision } = await quota.client.peekQuota({ accountId, limits: unlimited }, wait);
  return Number(decision?.dayUsed);
}

/** Sends requests of an account, some at a time, while another account calls; returns how many were served. */
async function flood(ask: Ask, key: string, other: string, { requests = 600, disturb = async () => {} } = {}) {
  let running = true;
  const beside = (async () => {
    while (running) await ask(other);
  })();
  const answers = Promise.all(Array.from({ length: requests }, () => ask(key)));
  await disturb();
  const all = await answers;
  running = false;
  await beside;
  return { served: all.filter((answer) => answer === "served").length, refused: all.length };
}

describe("a request that is refused for overload or time", () => {
  const grpc = () => {
    const client = createClient(ApiService, createGrpcTransport({ baseUrl: rpc }));
    const ask: Ask = (key) =>
      client.getUsage({}, { headers: { "x-api-key": key } }).then(
        () => "served" as const,
        () => "refused" as const,
      );
    return ask;
  };

  for (const [face, asker] of [
    ["HTTP", () => overHttp],
    ["gRPC", grpc],
  ] as const) {
    it(`has not been charged, over ${face}, while its account floods beside another`, async () => {
      const [flooding, other] = [await auth.newAccount(Plan.ENTERPRISE, unlimited), await auth.newAccount()];
      const { served } = await flood(asker(), flooding.key as string, other.key as string);
      expect(served).toBeGreaterThan(0);
      expect(served).toBeLessThan(600);
      expect(
        await eventually(
          () => chargedTo(flooding.accountId),
          (used) => used === served,
        ),
      ).toBe(served);
    });
  }

  it("has not been charged when quota answers too late", async () => {
    const [flooding, other] = [await auth.newAccount(Plan.ENTERPRISE, unlimited), await auth.newAccount()];
    const [member] = suite.members("quota") as [Member];
    const { served } = await flood(overHttp, flooding.key as string, other.key as string, {
      async disturb() {
        member.child.kill("SIGSTOP");
        await overHttp(other.key as string);
        member.child.kill("SIGCONT");
      },
    });
    expect(
      await eventually(
        () => chargedTo(flooding.accountId),
        (used) => used === served,
      ),
    ).toBe(served);
  });
});
