import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { call, openAuth } from "../support/api.ts";
import { readCaseFile } from "../support/cases.ts";

const { edges, rpcs, auths } = inject("cluster");
const [edge = ""] = edges;
const auth = openAuth(auths);
let key: string;
let code: { id: string; slug: string };
beforeAll(async () => {
  ({ key } = await auth.newAccount(Plan.ENTERPRISE));
  const body = { name: "n", redirect_url: "https://example.com/" };
  code = (await call(`${edge}/v1/qr-codes`, { key, body })).body.data;
});
afterAll(() => auth.close());

interface RequestCase {
  head: string[];
  status: number;
  type?: string;
  absent?: string;
  coding?: string;
  robots?: string;
}
const cases = readCaseFile<{
  requests: RequestCase[];
  bodies: { headers: Record<string, string>; status: number }[];
}>("http-musts");

/** Sends a head on a connection of its own; returns the status and the headers of the answer. */
async function send(head: string[]): Promise<{ status: number; headers: Map<string, string> }> {
  const { hostname, port } = new URL(edge);
  const socket = connect(Number(port), hostname);
  const filled = head.join("\r\n").replace("{key}", key).replace("{code}", code.id).replace("{slug}", code.slug);
  socket.write(`${filled}\r\n\r\n`);
  let answer = "";
  socket.setEncoding("latin1").on("data", (text) => {
    answer += text;
    if (answer.includes("\r\n\r\n")) socket.destroy();
  });
  await once(socket, "close");
  const [status = "", ...lines] = (answer.split("\r\n\r\n")[0] ?? "").split("\r\n");
  const headers = lines.map((line) => line.split(/:\s*/, 2) as [string, string]);
  return {
    status: Number(status.split(" ")[1]),
    headers: new Map(headers.map(([name, value]) => [name.toLowerCase(), value])),
  };
}

describe("HTTP's small rules", () => {
  it.each(cases.requests)("$status to $head", async ({ head, status: expected, type, absent, coding, robots }) => {
    const { status, headers } = await send(head);
    expect(status).toBe(expected);
    if (type) expect(headers.get("content-type")).toContain(type);
    if (absent) expect(headers.has(absent)).toBe(false);
    expect(headers.get("content-encoding")).toBe(coding);
    if (robots) expect(headers.get("x-robots-tag")).toBe(robots);
    if (coding) expect(headers.get("vary")).toContain("accept-encoding");
    expect(headers.has("x-request-id")).toBe(true);
  });

  it.each(cases.bodies)("$status to a body with $headers", async ({ headers, status }) => {
    const body = { name: "n", redirect_url: "https://example.com/" };
    expect((await call(`${edge}/v1/qr-codes`, { key, body, headers })).status).toBe(status);
  });

  it("bounds the first head of an HTTP/2 connection", async () => {
    const session = connectHttp2(`http://${rpcs[0]}`);
    const path = "/qrforge.api.v1.ApiService/GetUsage";
    const stream = session.request({ ":method": "POST", ":path": path, "x-a": "a".repeat(20_000) });
    const [headers] = await once(stream.end(), "response");
    expect(headers[":status"]).toBe(431);
    session.destroy();
  });
});

describe("a compressed answer", () => {
  const get = (path: string, headers: Record<string, string>) => call(`${edge}${path}`, { key, headers });

  it.each(["gzip", "br"])("has a tag of its own, which stands for the same revision: %s", async (coding) => {
    const path = `/v1/qr-codes/${code.id}/image`;
    const plain = await get(path, { "accept-encoding": "identity" });
    const packed = await get(path, { "accept-encoding": coding });
    expect(packed.text).toBe(plain.text);
    const tag = `${plain.headers.get("etag")?.slice(0, -1)}-${coding}"`;
    expect(packed.headers.get("etag")).toBe(tag);
    for (const held of [tag, `W/${tag}`, `"other", ${tag}`]) {
      const known = await get(path, { "accept-encoding": coding, "if-none-match": held });
      expect([known.status, known.headers.get("etag")]).toEqual([304, tag]);
    }
    const api = await get("/openapi.json", { "accept-encoding": coding });
    const held = { "if-none-match": api.headers.get("etag") ?? "" };
    expect([api.body.openapi, (await get("/openapi.json", held)).status]).toEqual(["3.1.0", 304]);
  });

  it("of a code names the revision that If-Match wants", async () => {
    const path = `${edge}/v1/qr-codes/${code.id}`;
    const tag = (await call(path, { key })).headers.get("etag")?.slice(1, -1);
    const change = (etag: string, name: string) =>
      call(path, { key, method: "PATCH", body: { name }, headers: { "if-match": etag } });
    expect((await change(`"${tag}-gzip"`, "m")).status).toBe(200);
    expect((await change(`"${tag}-br"`, "o")).status).toBe(412);
  });
});
