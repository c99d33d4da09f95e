import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it, vi } from "vitest";
import { createRequestGuard } from "./request-guard.ts";

const served = vi.fn();
const guardOf = (isSecure: boolean) =>
  createRequestGuard({ bounds: { boundRequests: (handle) => handle }, isSecure, newRequestId: () => "id" })(
    (incoming, response) => {
      served(incoming.url);
      if (incoming.url === "/own") response.setHeader("cache-control", "public, max-age=300");
      response.end("served");
    },
  );
const guards = { plain: guardOf(false), secure: guardOf(true) };
const server = createServer({ requireHostHeader: false }, (incoming, response) =>
  guards[incoming.headers["x-guard"] === "secure" ? "secure" : "plain"](incoming, response),
);
server.on("checkExpectation", guards.plain);
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
afterAll(() => void server.close());

/** Makes a request with exactly these headers. */
const ask = (headers: string[], path = "/") =>
  new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const asked = request({ port, path, headers, agent: false }, async (answer) => {
      const text = (await answer.toArray()).join("");
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
    });
    asked.on("error", reject).end();
  });

describe("every answer", () => {
  it("is not stored and not guessed at, unless its handler says otherwise", async () => {
    const { headers } = await ask(["host", "x"]);
    expect(headers).toMatchObject({ "cache-control": "private, no-store", "x-content-type-options": "nosniff" });
    const own = await ask(["host", "x"], "/own");
    expect(own.headers).toMatchObject({ "cache-control": "public, max-age=300", "x-content-type-options": "nosniff" });
  });

  it("forbids browsers clear text from then on where clients come by https, and nowhere else", async () => {
    const { headers } = await ask(["host", "x", "x-guard", "secure"]);
    expect(headers["strict-transport-security"]).toMatch(/^max-age=\d{8}$/);
    expect((await ask(["host", "x"])).headers["strict-transport-security"]).toBeUndefined();
  });
});

describe("a request whose headers cannot be accepted", () => {
  it.each([
    ["no host", [], 400],
    ["an expectation that nobody meets", ["host", "x", "expect", "a-pony"], 417],
    ["a list of 16,000 elements", ["host", "x", "accept", ",".repeat(16_000)], 431],
  ])("is rejected in the envelope before a handler sees it: %s", async (_, headers, status) => {
    served.mockClear();
    const answer = await ask(headers);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ ok: false, code: "invalid_request", request_id: "id" });
    expect(answer.headers).toMatchObject({ "cache-control": "private, no-store", "x-content-type-options": "nosniff" });
    expect(served).not.toHaveBeenCalled();
  });
});
