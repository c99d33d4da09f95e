import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { KeyService } from "../../gen/qrforge/auth/v1/key_pb.ts";
import { createBus } from "../messaging/bus.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createLogger } from "../telemetry/log.ts";
import { expectFirstByte } from "./first-byte.ts";

/** Longer than a connection may be silent. */
const longMs = 3_000;
const opened: Socket[] = [];
/** Takes connections, and sends its greeting if there is one, and nothing else. */
let greeting = "";
const accept = (socket: Socket) => {
  opened.push(socket.on("error", () => {}));
  socket.resume();
  if (greeting) socket.write(greeting);
};
const [server, other] = [createServer(accept), createServer(accept)];
const portOf = (one: typeof server) => (one.address() as AddressInfo).port;
beforeAll(async () => {
  for (const one of [server, other]) await once(one.listen(0, "127.0.0.1"), "listening");
});
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});
afterAll(() => {
  for (const one of [server, other]) one.close();
});
const firstIsClosed = () => vi.waitFor(() => expect(opened[0]?.destroyed).toBe(true), { timeout: longMs + 1_000 });

describe("a server that takes a connection and sends nothing", () => {
  it("is connected to anew by the client of gRPC", { timeout: 10_000 }, async () => {
    const { client, close } = createRpcClient(KeyService, { address: `127.0.0.1:${portOf(server)}` });
    const call = client.batchResolveKeys({ keyHashes: [] }, { timeoutMs: longMs });
    await expect(call).rejects.toMatchObject({ reason: expect.stringMatching(/UNAVAILABLE|DEADLINE_EXCEEDED/) });
    await vi.waitFor(() => expect(opened.length).toBeGreaterThan(1));
    await firstIsClosed();
    close();
  });

  it("keeps no socket of the client of NATS", { timeout: 10_000 }, async () => {
    const log = createLogger({ service: "test", level: "silent" });
    const bus = createBus({ url: `nats://user:1@127.0.0.1:${portOf(server)}`, client: "edge", password: "", log });
    await firstIsClosed();
    await bus.close();
  });

  it("may do so if it is no server of these", { timeout: 10_000 }, async () => {
    const socket = connect(portOf(other), "127.0.0.1");
    await sleep(longMs);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });
});

describe("a server that has sent something", () => {
  it("may be silent afterwards", { timeout: 10_000 }, async () => {
    expectFirstByte(["localhost:1", `127.0.0.1:${portOf(server)}`]);
    greeting = "hello";
    const socket = connect(portOf(server), "127.0.0.1");
    await once(socket, "data");
    await sleep(longMs);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
    greeting = "";
  });
});
