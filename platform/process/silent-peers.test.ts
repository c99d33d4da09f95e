import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { KeyService } from "../../gen/qrforge/auth/v1/key_pb.ts";
import { createBus } from "../messaging/bus.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createLogger } from "../telemetry/log.ts";
import { destroySilentPeers } from "./silent-peers.ts";

const timeoutMs = 300;
/** A server that takes connections; it greets the first of them if it is told to, and sends nothing else. */
const opened: Socket[] = [];
let greeting = "";
const server = createServer((socket) => {
  opened.push(socket.on("error", () => {}));
  socket.resume();
  if (greeting) socket.write(greeting);
});
let port: number;
beforeAll(async () => {
  destroySilentPeers({ timeoutMs });
  await once(server.listen(0, "127.0.0.1"), "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  for (const socket of opened) socket.destroy();
  server.close();
});
const firstIsClosed = () => vi.waitFor(() => expect(opened[0]?.destroyed).toBe(true), { timeout: 4_000 });

describe("a server that takes a connection and sends nothing", () => {
  it("is connected to anew by the client of gRPC", async () => {
    const { client, close } = createRpcClient(KeyService, { address: `127.0.0.1:${port}` });
    opened.length = 0;
    const call = client.batchResolveKeys({ keyHashes: [] }, { timeoutMs: 1_500 });
    await expect(call).rejects.toMatchObject({ reason: expect.stringMatching(/UNAVAILABLE|DEADLINE_EXCEEDED/) });
    expect(opened.length).toBeGreaterThan(1);
    await firstIsClosed();
    close();
  });

  it("keeps no socket of the client of NATS", async () => {
    opened.length = 0;
    const bus = createBus({
      url: `nats://127.0.0.1:${port}`,
      client: "edge",
      password: "",
      log: createLogger({ service: "test", level: "silent" }),
    });
    await firstIsClosed();
    await bus.close();
  });
});

describe("a server that has sent something", () => {
  it("may be silent afterwards", async () => {
    greeting = "hello";
    const socket = connect(port, "127.0.0.1");
    await once(socket, "data");
    await sleep(2 * timeoutMs);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
    greeting = "";
  });
});
