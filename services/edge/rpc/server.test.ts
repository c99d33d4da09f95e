import { createServer } from "node:http";
import { pino } from "pino";
import { expect, it } from "vitest";
import { ServiceError } from "../../../platform/errors.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { createRpcHandler } from "./server.ts";

it("a call while a service cannot be reached leaves a line in the log, over each protocol", async () => {
  const lines: Record<string, unknown>[] = [];
  const handle = () =>
    createRpcHandler({
      authenticate: () => Promise.reject(new ServiceError("UNAVAILABLE", "no replica of auth answers")),
      pipeline: { run: () => Promise.reject(new Error("not reached")) },
      upstreams: {} as Upstreams,
      originOf: () => ({ address: "192.0.2.1", isProxied: false, isSecure: false }),
      bodySlots: { acquire: () => ({ [Symbol.dispose]: () => {} }) },
      newRequestId: () => "0192f5a0-0000-7000-8000-000000000000",
      upstreamTimeoutMs: 1_000,
      clock: { now: () => 0 },
      recordCall: () => {},
      log: pino({ level: "warn" }, { write: (line) => lines.push(JSON.parse(line)) }),
    });
  for (const type of ["application/json", "application/grpc-web+proto"]) {
    const server = createServer(handle());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const url = `http://127.0.0.1:${port}/qrforge.api.v1.ApiService/GetUsage`;
    await (await fetch(url, { method: "POST", headers: { "content-type": type }, body: "{}" })).text();
    server.close();
    expect(lines.splice(0)).toEqual([
      expect.objectContaining({ use: "rpc", reason: "UNAVAILABLE", msg: "not available" }),
    ]);
  }
});
