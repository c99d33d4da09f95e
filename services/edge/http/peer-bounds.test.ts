import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import type { Logger } from "../../../platform/telemetry/log.ts";
import { createPeerBounds } from "./peer-bounds.ts";

const error = vi.fn();
const bounds = createPeerBounds({
  connectionsMax: 100,
  openRequestsMax: 2,
  trustedProxies: () => false,
  originOf: () => ({ address: "192.0.2.1", isProxied: false, isSecure: false }),
  newRequestId: () => "id",
  metrics: { counter: () => () => {}, duration: () => () => {}, gauge: () => {} },
  log: { error } as unknown as Logger,
});
const handle = bounds.boundRequests((request, response) => {
  if (request.url === "/throws") throw new Error("a bug");
  if (request.url === "/waits") return;
  response.end("served");
});
const server = createServer((request, response) => handle(request, response));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterEach(() => server.closeAllConnections());

it("a request whose handler throws loses its connection alone, and holds nothing", async () => {
  for (let times = 0; times < 3; times++) await expect(fetch(`${base}/throws`)).rejects.toThrow();
  expect(error).toHaveBeenCalledTimes(3);
  expect(await (await fetch(base)).text()).toBe("served");
});

it("an address that holds its half of the open requests is refused in the envelope, until one of them ends", async () => {
  const leaving = new AbortController();
  const waiting = fetch(`${base}/waits`, { signal: leaving.signal }).catch(() => {});
  const refused = await vi.waitFor(async () => {
    const answer = await fetch(base);
    expect(answer.status).toBe(503);
    return answer;
  });
  expect(await refused.json()).toMatchObject({ ok: false, code: "unavailable", request_id: "id" });
  leaving.abort();
  await waiting;
  await vi.waitFor(async () => expect((await fetch(base)).status).toBe(200));
});
