import { afterAll, describe, expect, inject, it } from "vitest";
import { call, openAuth } from "../support/api.ts";

const { edges, metrics, auths } = inject("cluster");
const auth = openAuth(auths);
afterAll(() => auth.close());

async function read(kind: "edge" | "auth" | "quota" | "qr"): Promise<string> {
  return (await call(metrics[kind] as string)).text;
}
/** The value of a series, or 0. */
function seriesOf(text: string, series: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return Number(line?.split(" ")[1] ?? 0);
}

describe("the metrics of an edge", () => {
  it("count and time requests by the route's pattern, and never by path, key or account", async () => {
    const { key, accountId } = await auth.newAccount();
    const series = 'qrforge_http_request_seconds_count{route="/v1/qr-codes/:id",method="GET",status="404"}';
    const before = seriesOf(await read("edge"), series);
    await call(`${edges[0]}/v1/qr-codes/qr-nothere`, { key });
    await call(`${edges[0]}/v1/nowhere-to-be-seen`, { key });
    const after = await read("edge");
    expect(seriesOf(after, series)).toBe(before + 1);
    expect(after).toContain(
      'qrforge_http_request_seconds_bucket{route="/v1/qr-codes/:id",method="GET",status="404",le="0.05"}',
    );
    for (const secret of ["qr-nothere", "nowhere-to-be-seen", key, accountId]) expect(after).not.toContain(secret);
    for (const name of ["key_lease_seconds", "cache_lookups_total", "upstream_items_total", "api_requests_in_flight"]) {
      expect(after).toContain(`qrforge_${name}`);
    }
    expect(seriesOf(after, "qrforge_key_lease_seconds")).toBeGreaterThan(0);
  });
});

describe("the metrics of a service", () => {
  it("count and time its calls by method and outcome", async () => {
    const text = await read("quota");
    const series = 'qrforge_rpc_seconds_count{method="qrforge.quota.v1.QuotaService/BatchConsumeQuota",outcome="OK"}';
    expect(seriesOf(text, series)).toBeGreaterThan(0);
    expect(await read("auth")).toContain("qrforge_rpc_in_flight");
    expect(await read("qr")).toContain("qrforge_rpc_seconds");
  });
});
