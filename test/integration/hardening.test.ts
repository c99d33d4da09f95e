import { connect } from "node:net";
import { afterAll, describe, expect, inject, it } from "vitest";
import { ambiguousRequests } from "../cases/requests/ambiguous.ts";
import { call, openAuth } from "../support/api.ts";

const { edges, auths } = inject("cluster");
const edge = edges[0] as string;
const { hostname, port } = new URL(edge);
const auth = openAuth(auths);
afterAll(() => auth.close());

/** Sends bytes as they are, and answers all that comes back until the other side closes or is silent for a moment. */
function sendBytes(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes, "latin1"));
    let answer = "";
    socket.setEncoding("latin1");
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on("data", (data) => {
      answer += data;
    });
    socket.on("error", (error) => ((error as NodeJS.ErrnoException).code === "ECONNRESET" ? undefined : reject(error)));
    socket.on("close", () => resolve(answer));
  });
}
const statuses = (answer: string) => [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));

describe("bytes that two readers could understand differently", () => {
  for (const [name, bytes] of ambiguousRequests) {
    it(`${name}: are refused, and nothing after them is served`, async () => {
      const answer = await sendBytes(bytes);
      expect(statuses(answer), answer).toEqual([400]);
      expect(answer).not.toContain('{"ok":true}');
      expect(answer).toContain("invalid_request");
      expect(answer).toContain("x-content-type-options: nosniff");
    });
  }

  it("headers over 16 KiB are refused with 431", async () => {
    expect(statuses(await sendBytes(`GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${"a".repeat(20_000)}\r\n\r\n`))).toEqual([
      431,
    ]);
  });
});

describe("a body", () => {
  it("with a field that stands twice, or nested beyond use, is refused", async () => {
    const { key } = await auth.newAccount();
    for (const [body, message] of [
      ['{"name":"a","redirect_url":"https://example.com","name":"b"}', 'The body has the field "name" twice.'],
      [`{"name":${"[".repeat(40)}${"]".repeat(40)}}`, "The body is nested more than 32 deep."],
      [`${"[".repeat(30_000)}${"]".repeat(30_000)}`, "The body is nested more than 32 deep."],
      ['{"constructor":{"prototype":{"x":1}},"name":"n"}', "The body must not have a key __proto__ or constructor."],
    ] as const) {
      const answer = await call(`${edge}/v1/qr-codes`, { key, body });
      expect([answer.status, answer.body.code]).toEqual([400, "invalid_payload"]);
      expect(answer.body.message).toBe(message);
    }
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

describe("a client that dawdles", { timeout: 60_000 }, () => {
  it("is cut off with 408, in the head and in the body", async () => {
    const { key } = await auth.newAccount();
    const dawdle = (start: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(Number(port), hostname, () => socket.write(start));
        const drip = setInterval(() => socket.write("a"), 500);
        let answer = "";
        socket.on("data", (data) => {
          answer += data;
        });
        socket.on("error", () => {});
        socket.on("close", () => {
          clearInterval(drip);
          resolve(answer);
        });
      });
    const post = `POST /v1/qr-codes HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`;
    const answers = await Promise.all([dawdle("GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: "), dawdle(post)]);
    for (const answer of answers) expect(statuses(answer), answer).toEqual([408]);
  });
});

describe("a page in a browser", () => {
  it("is told that keys belong on servers, and is given no leave to call", async () => {
    for (const path of ["/v1/usage", "/v1/qr-codes", "/v1/nope"]) {
      const answer = await call(`${edge}${path}`, {
        method: "OPTIONS",
        headers: {
          origin: "https://shop.example",
          "access-control-request-method": "GET",
          "access-control-request-headers": "x-api-key",
        },
      });
      expect([answer.status, answer.body.code]).toEqual([403, "forbidden"]);
      expect(answer.body.message).toContain("API keys belong on servers");
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
    const { key } = await auth.newAccount();
    const answer = await call(`${edge}/v1/usage`, { key, headers: { origin: "https://shop.example" } });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("answers of the API", () => {
  it("with 401 say how to authenticate, whatever the path", async () => {
    for (const path of ["/v1/usage", "/v1/nothing", "/v1/%zz", "/v1/qr-codes/%E0%A4%A"]) {
      const answer = await call(`${edge}${path}`);
      expect([answer.status, answer.headers.get("www-authenticate")], path).toEqual([401, 'ApiKey realm="qrforge"']);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    }
  });

  it("are for who asked alone, and of the type they say", async () => {
    const { key } = await auth.newAccount();
    const [served, refused] = [await call(`${edge}/v1/usage`, { key }), await call(`${edge}/v1/usage`)];
    expect(served.headers.get("cache-control")).toBe("private, no-cache");
    expect(refused.headers.get("cache-control")).toBe("private, no-store");
    for (const { headers } of [served, refused]) expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("to HEAD are those to GET without the body, and count", async () => {
    const { key } = await auth.newAccount();
    const head = await call(`${edge}/v1/usage`, { key, method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(head.headers.get("ratelimit")).toContain('"day";r=49999');
  });
});
