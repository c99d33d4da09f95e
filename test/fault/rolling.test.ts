import { Agent, request } from "node:http";
import { create } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasEnded } from "../../dev/child.ts";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { GetUsageRequestSchema, GetUsageResponseSchema } from "../../gen/qrforge/api/v1/api_pb.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { codec } from "../../platform/rpc/definition.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth } from "../support/api.ts";

/** How long a replica that has come back is left alone before the next one goes, as `minReadySeconds` of a Deployment says. */
const minReadyMs = 1_000;

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({
    replicas: { edge: 2, auth: 2, quota: 2, qr: 2 },
    env: { edge: { CLOSE_NOTICE_MS: "500" } },
  }));
  auth = openAuth(addressesOf(cluster, "auth"));
});
afterAll(async () => {
  auth.close();
  await end();
});

/** What a balancer does: it asks each edge often whether it is ready, and sends requests to those that are. */
function openBalancer() {
  let ready = cluster.edgeUrls();
  let closed = false;
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const watching = (async () => {
    while (!closed) {
      const answers = await Promise.all(
        cluster.edgeUrls().map((url) =>
          call(`${url}/readyz`).then(
            ({ status }) => status === 200,
            () => false,
          ),
        ),
      );
      ready = cluster.edgeUrls().filter((_, index) => answers[index]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  let turn = 0;
  return {
    send(path: string, headers: Record<string, string>, body?: unknown): Promise<string> {
      const base = ready[turn++ % ready.length];
      return new Promise((resolve) => {
        const method = body === undefined ? "GET" : "POST";
        const sent = request(`${base}${path}`, { method, agent, headers }, (response) => {
          let text = "";
          response.on("data", (part) => {
            text += part;
          });
          response.once("end", () =>
            resolve(`${response.statusCode} ${(response.statusCode ?? 0) < 400 ? "" : text}`.trim()),
          );
        });
        sent.once("error", (error) =>
          resolve(`${(error as NodeJS.ErrnoException).code} ${sent.reusedSocket ? "reused" : "new"}`),
        );
        sent.end(body === undefined ? undefined : JSON.stringify(body));
      });
    },
    async close() {
      closed = true;
      await watching;
      agent.destroy();
    },
  };
}

/** What a gRPC client does: it knows every edge's address and goes round those it is connected to. */
function openGrpcClient() {
  for (const edge of cluster.members("edge")) edge.env = { RPC_LISTEN_ADDRESS: edge.rpc as string };
  const addresses = cluster.members("edge").map(({ rpc }) => rpc);
  const client = new Client(`ipv4:${addresses.join(",")}`, credentials.createInsecure(), {
    "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    "grpc.service_config_disable_resolution": 1,
    "grpc.max_reconnect_backoff_ms": 500,
    "grpc.enable_http_proxy": 0,
  });
  const { serialize } = codec(GetUsageRequestSchema);
  const { deserialize } = codec(GetUsageResponseSchema);
  const request = create(GetUsageRequestSchema);
  return {
    send(key: string): Promise<string> {
      const metadata = new Metadata();
      metadata.set("x-api-key", key);
      const options = { deadline: Date.now() + 10_000 };
      const path = "/qrforge.api.v1.ApiService/GetUsage";
      return new Promise((resolve) => {
        client.makeUnaryRequest(path, serialize, deserialize, request, metadata, options, (error) =>
          resolve(error ? `gRPC ${error.code} ${error.details}` : "gRPC OK"),
        );
      });
    },
    close: () => client.close(),
  };
}

describe("a rolling restart of every process under load", { timeout: 120_000 }, () => {
  it("loses no request and no scan", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 0n });
    const edge = cluster.edgeUrls()[0];
    const created = await call(`${edge}/v1/qr-codes`, {
      key,
      body: { name: "n", redirect_url: "https://example.com/" },
    });
    const { id, slug } = created.body.data;
    const balancer = openBalancer();
    const seen = new Map<string, number>();
    let scans = 0;
    let over = false;
    const headers = { "x-api-key": key, "content-type": "application/json" };
    const workers = Array.from({ length: 8 }, async (_, worker) => {
      for (let turn = worker; !over; turn++) {
        const kind = turn % 4;
        const outcome =
          kind === 0
            ? await balancer.send(`/${slug}`, { "user-agent": "curl/8" })
            : kind === 1
              ? await balancer.send("/v1/qr-codes", headers, { name: `n${turn}`, redirect_url: "https://example.com/" })
              : await balancer.send(kind === 2 ? `/v1/qr-codes/${id}` : "/v1/usage", headers);
        if (outcome === "302") scans++;
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      }
    });
    const grpc = openGrpcClient();
    const callers = Array.from({ length: 2 }, async () => {
      while (!over) {
        const outcome = await grpc.send(key);
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      }
    });
    for (const kind of ["auth", "quota", "qr", "edge"] as const) {
      for (const member of cluster.members(kind) as Member[]) {
        member.child.kill("SIGTERM");
        await eventually(async () => hasEnded(member.child), Boolean, 20_000);
        expect([member.name, member.child.exitCode]).toEqual([member.name, 0]);
        await cluster.restart(member);
        // No condition to wait for: a rollout of Kubernetes itself goes on after a time (minReadySeconds).
        await new Promise((resolve) => setTimeout(resolve, minReadyMs));
      }
    }
    over = true;
    await Promise.all([...workers, ...callers]);
    await balancer.close();
    grpc.close();
    expect([...seen.keys()].sort(), JSON.stringify([...seen])).toEqual(["200", "201", "302", "gRPC OK"]);
    const counted = async () => (await call(`${edge}/v1/qr-codes/${id}`, { key })).body.data.scan_count;
    expect(await eventually(counted, (count) => count >= scans)).toBe(scans);
  });
});
