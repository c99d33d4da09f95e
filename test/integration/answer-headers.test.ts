import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterAll, describe, expect, inject, it } from "vitest";
import { routes } from "../../services/edge/api/routes/index.ts";
import { publicRoutes } from "../../services/edge/dashboard/routes/public.ts";
import { sessionRoutes } from "../../services/edge/dashboard/routes/session.ts";
import { listHeaders } from "../../services/edge/http/header-bounds.ts";
import { call, openAuth } from "../support/api.ts";

const { edges, rpcs, auths } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
afterAll(() => auth.close());

/** Sends bytes on a connection of its own, and returns each answer: its status and its head. */
async function send(bytes: string): Promise<{ status: number; head: string }> {
  const { hostname, port } = new URL(edge);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  let answer = "";
  socket.setEncoding("latin1").on("data", (text) => {
    answer += text;
    if (answer.includes("\r\n\r\n")) socket.end();
  });
  await once(socket, "close");
  const [head = ""] = answer.split("\r\n\r\n");
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head: head.toLowerCase() };
}

const filled = (path: string) => path.replaceAll(/:\w+/g, "x1");
const table = [
  ...routes.map(({ method, path }) => [method, filled(path)] as const),
  ...[...publicRoutes, ...sessionRoutes].map(({ method, path }) => [method, filled(`/dashboard/api${path}`)] as const),
  ...routes.map(({ method, path }) => [method, filled(path.replace(/^\/v1/, "/dashboard/api"))] as const),
  ["POST", "/leaked-keys"] as const,
  ["POST", "/qrforge.api.v1.ApiService/GetUsage"] as const,
];
const pages = [
  "/",
  "/docs",
  "/docs/search.js",
  "/openapi.json",
  "/healthz",
  "/readyz",
  "/no-such-code",
  "/assets/x.js",
];
/** Files that are the same for everybody say themselves how long they may be stored. */
const mayBeStored = /^\/$|^\/docs|^\/openapi\.json$/;

function check(head: string, path: string, status = 0): void {
  const what = `${status} ${path}\n${head}`;
  expect(head, what).toContain("x-content-type-options: nosniff");
  if (status === 200 && mayBeStored.test(path))
    expect(head, what).toMatch(/cache-control: (?:public, max-age=300|no-cache)/);
  else expect(head, what).toMatch(/cache-control: [^\r]*no-store/);
}

describe("every answer is neither stored nor guessed at", () => {
  it("whatever the route: without a key or session, with a method that is not there, with a body that is too large", async () => {
    const seen = new Set<number>();
    const request = async (method: string, path: string, more = "", body = "") => {
      const { status, head } = await send(
        `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${more}\r\n${body}`,
      );
      check(head, path, status);
      seen.add(status);
    };
    const large = "content-type: application/json\r\ncontent-length: 999999\r\n";
    for (const [method, path] of table) {
      await request(method, path);
      await request(method, path, large);
      await request(method, path, "sec-fetch-site: cross-site\r\naccess-control-request-method: GET\r\n");
    }
    for (const path of [...new Set(table.map(([, path]) => path)), ...pages]) await request("PROPFIND", path);
    for (const path of pages) for (const method of ["GET", "HEAD", "DELETE"]) await request(method, path);
    expect([...seen]).toEqual(expect.arrayContaining([200, 400, 401, 403, 404, 405, 413]));
  });

  it("with a key: errors are not stored, and data is for its caller alone", async () => {
    const { key } = await auth.newAccount();
    const given = (path: string, options = {}) => call(`${edge}${path}`, { key, ...options });
    const usage = await given("/v1/usage");
    expect(usage.headers.get("cache-control")).toBe("private, no-cache");
    const failures = [
      await given("/v1/qr-codes/none"),
      await given("/v1/nothing"),
      await given("/v1/usage", { method: "DELETE" }),
      await given("/v1/qr-codes", { body: "{" }),
      await given("/v1/qr-codes", { body: "x".repeat(70_000) }),
      await given("/v1/qr-codes", { body: "x", headers: { "content-type": "text/plain" } }),
      await given("/v1/%zz"),
    ];
    expect(failures.map(({ status }) => status)).toEqual([404, 404, 405, 400, 413, 415, 400]);
    for (const { headers } of [usage, ...failures]) expect(headers.get("x-content-type-options")).toBe("nosniff");
    for (const { headers } of failures) expect(headers.get("cache-control")).toBe("private, no-store");
  });

  it.each([
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["an expectation", "GET / HTTP/1.1\r\nhost: x\r\nexpect: a-pony\r\n\r\n", 417],
    ["no HTTP", "hello\r\n\r\n", 400],
    ["a path that cannot be decoded", "POST /%zz HTTP/1.1\r\nhost: x\r\n\r\n", 400],
    ["large headers", `GET / HTTP/1.1\r\nhost: x\r\nx: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    ["two lengths", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400],
  ])("to a malformed request: %s", async (_, bytes, expected) => {
    const { status, head } = await send(bytes);
    expect(status, head).toBe(expected);
    check(head, "malformed", status);
  });
});

describe("a header of 16,000 elements", () => {
  const paths = ["/v1/usage", "/v1/qr-codes/x/image", "/dashboard/api/session", "/assets/x.js", "/a-code", "/docs"];
  // Node itself bounds all headers together.
  const value = ",".repeat(15_000);

  it.each(listHeaders)("is refused on every face before it is read: %s", async (name) => {
    for (const path of [...paths, "/qrforge.api.v1.ApiService/GetUsage"]) {
      const { status, head } = await send(`GET ${path} HTTP/1.1\r\nhost: x\r\n${name}: ${value}\r\n\r\n`);
      expect(status, path).toBe(431);
      check(head, path, status);
    }
  });

  it("is refused over HTTP/2", async () => {
    const session = connectHttp2(`http://${rpcs[0]}`);
    const stream = session.request({
      ":method": "POST",
      ":path": "/qrforge.api.v1.ApiService/GetUsage",
      "content-type": "application/grpc",
      "grpc-accept-encoding": value,
    });
    const [headers] = await once(stream.end(), "response");
    expect(headers[":status"]).toBe(431);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    session.destroy();
  });
});
