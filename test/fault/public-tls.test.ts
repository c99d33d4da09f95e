import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { request as requestHttp1 } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setDefaultCACertificates } from "node:tls";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasEnded } from "../../dev/child.ts";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { ApiService } from "../../gen/qrforge/api/v1/api_pb.ts";
import { runAttacks } from "../attack/attack.ts";
import { connectionAttacks } from "../attack/attacks/connections.ts";
import { newKeys, openTarget } from "../attack/target.ts";
import { addressesOf } from "../support/addresses.ts";
import { eventually, openAuth } from "../support/api.ts";
import { createPublicTls } from "../support/tls-files.ts";

let folder: string;
let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let edge: Member;
let url: string;
let ca: string;
let key: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-tls-"));
  const publicTls = await createPublicTls(folder);
  ({ ca } = publicTls);
  ({ cluster, end } = await startEphemeralCluster({ env: { edge: publicTls.env } }));
  auth = openAuth(addressesOf(cluster, "auth"));
  ({ key } = await auth.newAccount());
  edge = cluster.members("edge")[0] as Member;
  url = `https://${edge.address}`;
});
afterAll(async () => {
  auth.close();
  await end();
  await rm(folder, { recursive: true, force: true });
});

async function overHttp2(requestPath: string): Promise<{ status: number; body: string }> {
  const session = connectHttp2(url, { ca });
  try {
    const stream = session.request({ ":path": requestPath, "x-api-key": key });
    const [headers] = (await once(stream, "response")) as [{ ":status": number }];
    return { status: headers[":status"], body: await text(stream) };
  } finally {
    session.close();
  }
}

describe("an edge with a certificate", () => {
  it("serves REST over HTTP/1.1 and over HTTP/2 on one port", async () => {
    const sent = requestHttp1(`${url}/v1/usage`, { ca, headers: { "x-api-key": key } }).end();
    const [response] = await once(sent, "response");
    expect([response.statusCode, response.httpVersion]).toEqual([200, "1.1"]);
    expect(response.headers["strict-transport-security"]).toBe("max-age=31536000");
    expect(JSON.parse(await text(response)).ok).toBe(true);
    const answer = await overHttp2("/v1/usage");
    expect([answer.status, JSON.parse(answer.body).ok]).toEqual([200, true]);
    expect((await overHttp2("/v1/nothing")).status).toBe(404);
  });

  it("serves gRPC, gRPC-Web and Connect on that port too", async () => {
    const node = { baseUrl: url, nodeOptions: { ca } };
    const transports: Transport[] = [
      createGrpcTransport(node),
      createGrpcWebTransport({ ...node, httpVersion: "2" }),
      createConnectTransport({ ...node, httpVersion: "2" }),
      createConnectTransport({ ...node, httpVersion: "1.1" }),
    ];
    for (const transport of transports) {
      const client = createClient(ApiService, transport);
      const { data } = await client.getUsage({}, { headers: { "x-api-key": key } });
      expect(data?.minute?.limit).toBe(600n);
      await expect(client.getUsage({})).rejects.toThrow(/API key/);
    }
  });

  it("has no port in clear text", async () => {
    expect(edge.rpc).toBe(edge.address);
    await expect(fetch(`http://${edge.address}/healthz`)).rejects.toThrow();
  });

  it("ends a connection over which no TLS handshake comes", { timeout: 40_000 }, async () => {
    const { hostname, port } = new URL(url);
    const silent = connect(Number(port), hostname);
    const plain = connect(Number(port), hostname, () => plain.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    for (const socket of [silent, plain]) socket.on("error", () => {}).resume();
    await Promise.all([silent, plain].map((socket) => once(socket, "close")));
  });

  it("holds against the connections that an edge without one holds against", { timeout: 120_000 }, async () => {
    setDefaultCACertificates([ca]);
    const { target, end } = await openTarget({
      edge: url,
      rpc: url,
      ...(await newKeys(auth)),
      scale: 0.1,
    });
    // These two wait for timeouts that TLS does not change.
    const slow = ["an answer that is not read", "request heads that never end"];
    const outcomes = await runAttacks(
      connectionAttacks.filter(({ name }) => !slow.includes(name)),
      target,
    );
    await end();
    expect(outcomes.filter(({ held }) => !held)).toEqual([]);
  });

  it("finishes what is under way over HTTP/2 when it is stopped", async () => {
    const [quota] = cluster.members("quota") as [Member];
    quota.child.kill("SIGSTOP");
    const answer = overHttp2("/v1/usage");
    await eventually(
      async () => (await fetch(`http://${edge.metrics}/metrics`)).text(),
      (metrics) => /qrforge_api_requests_in_flight 1\b/.test(metrics),
    );
    edge.child.kill("SIGTERM");
    quota.child.kill("SIGCONT");
    expect((await answer).status).toBe(200);
    await eventually(async () => hasEnded(edge.child), Boolean);
    expect(edge.child.exitCode).toBe(0);
  });
});
