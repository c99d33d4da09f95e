import { createServer, type ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPeerBounds } from "./peer-bounds.ts";

const newId = "0192f5a0-0000-7000-8000-000000000000";
let url: string;
let answerFirst: () => void;
const server = createServer(
  createPeerBounds({
    connectionsMax: 10,
    openRequestsMax: 2,
    trustedProxies: () => false,
    originOf: () => ({ address: "192.0.2.1", isProxied: false, isSecure: false }),
    newRequestId: () => newId,
    metrics: { counter: () => () => {}, duration: () => () => {}, gauge: () => {} },
  }).boundRequests((_request, response) => {
    (response as ServerResponse).write("ser");
    answerFirst = () => response.end("ved");
  }),
);

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
});
afterAll(() => server.close());

describe("a request beyond the bound of its address", () => {
  it.each([
    ["a new id", {}, newId],
    [
      "the client's id",
      { "x-request-id": "0192f5a0-1111-7000-8000-000000000000" },
      "0192f5a0-1111-7000-8000-000000000000",
    ],
  ])("gets 503 in the envelope, under %s", async (_name, headers, id) => {
    const first = await fetch(url);
    const refused = await fetch(url, { headers });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toEqual({
      ok: false,
      version: "2025-11-14-v1",
      request_id: id,
      code: "unavailable",
      message: expect.stringContaining("Too many requests are open"),
    });
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      "x-request-id": id,
      "retry-after": "1",
      "cache-control": "private, no-cache",
      "x-content-type-options": "nosniff",
      "content-type": "application/json; charset=utf-8",
    });
    answerFirst();
    expect(await first.text()).toBe("served");
  });
});
