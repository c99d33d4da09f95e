import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth } from "../support/api.ts";

interface SentSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
}

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let collector: Server;
const spans: SentSpan[] = [];
let received = "";

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    received += text;
    for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
      const service = resource.attributes.find(({ key }: { key: string }) => key === "service.name").value.stringValue;
      for (const { spans: sent } of scopeSpans) spans.push(...sent.map((span: SentSpan) => ({ ...span, service })));
    }
    response.setHeader("content-type", "application/json").end("{}");
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const { port } = collector.address() as { port: number };
  const env = { OTLP_ENDPOINT: `http://127.0.0.1:${port}`, TRACE_PER_MILLE: "1000", OTEL_BSP_SCHEDULE_DELAY: "200" };
  ({ cluster, end } = await startEphemeralCluster({ env: { edge: env, auth: env, quota: env, qr: env } }));
  auth = openAuth(addressesOf(cluster, "auth"));
});
afterAll(async () => {
  auth.close();
  await end();
  collector.close();
});

describe("a traced request", () => {
  it("is one trace over the edge and every service that it needs, under the client's, and tells no secret", async () => {
    const { key, accountId } = await auth.newAccount();
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    const body = { name: "n", redirect_url: "https://example.com/secret-place" };
    expect((await call(`${cluster.edgeUrls()[0]}/v1/qr-codes`, { key, headers, body })).status).toBe(201);
    const wanted = [
      ["qrforge-edge", "POST /v1/qr-codes"],
      ["qrforge-auth", "qrforge.auth.v1.KeyService/BatchResolveKeys"],
      ["qrforge-quota", "qrforge.quota.v1.QuotaService/BatchConsumeQuota"],
      ["qrforge-qr", "qrforge.qr.v1.QrCodeService/CreateQrCode"],
    ];
    const has = ([service, name]: string[]) =>
      spans.some((span) => span.traceId === traceId && span.service === service && span.name === name);
    await eventually(
      async () => wanted.filter((one) => !has(one)),
      (missing) => missing.length === 0,
      15_000,
    );
    const own = spans.filter((span) => span.traceId === traceId);
    const byId = new Map(own.map((span) => [span.spanId, span]));
    const root = own.find(({ name }) => name === "POST /v1/qr-codes") as SentSpan;
    expect(root.parentSpanId).toBe("b7ad6b7169203331");
    for (const span of own) {
      let at = span;
      while (at !== root && byId.has(at.parentSpanId)) at = byId.get(at.parentSpanId) as SentSpan;
      expect([span.name, at.name]).toEqual([span.name, root.name]);
    }
    for (const secret of [key, accountId, "secret-place"]) expect(received).not.toContain(secret);
  });
});
