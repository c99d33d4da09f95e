import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth } from "../support/api.ts";

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let edge: string;
let key: string;

/** What the tests hold open, and close at their end. */
const sockets: Socket[] = [];

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({
    env: { edge: { API_IN_FLIGHT_MAX: "50", SCANS_IN_FLIGHT_MAX: "50", UNKNOWN_KEYS_PER_MINUTE_MAX: "30" } },
  }));
  auth = openAuth(addressesOf(cluster, "auth"));
  edge = cluster.edgeUrls()[0] as string;
  key = (await auth.newAccount()).key as string;
  await call(`${edge}/v1/qr-codes`, { key, body: { name: "n", redirect_url: "https://example.com/", slug: "there" } });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  auth.close();
  await end();
});

/** Sends bytes on a connection of their own, and returns all that the edge answers until it closes that. */
async function converse(bytes: string, { endsItsSide = false } = {}): Promise<string> {
  const { hostname, port } = new URL(edge);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  sockets.push(socket);
  if (endsItsSide) socket.end(bytes, "latin1");
  else socket.write(bytes, "latin1");
  const answer = await text(socket);
  socket.destroy();
  return answer;
}
const statusesIn = (answer: string) => [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

describe("a route that needs no key", () => {
  it("refuses another site's page before it reads what that sends", async () => {
    const { hostname, port } = new URL(edge);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          "POST /dashboard/api/session HTTP/1.1\r\nhost: x\r\nsec-fetch-site: cross-site\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{",
        ),
      );
      sockets.push(socket);
      socket.once("data", (data) => resolve(String(data)));
      socket.once("error", reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });
});

describe("a message that is no protobuf, over Connect", () => {
  const send = (headers: Record<string, string>) =>
    call(`${edge}/qrforge.api.v1.ApiService/GetUsage`, {
      method: "POST",
      body: "\xff\xff\xff\xff",
      headers: { "content-type": "application/proto", ...headers },
    });
  const usedBy = async (caller: string) =>
    (await call(`${edge}/v1/usage`, { key: caller })).body.data.day.used as number;

  it("is refused with 400 with one, and costs one", async () => {
    const { key: caller } = await auth.newAccount();
    const answer = await send({ "x-api-key": caller });
    expect([answer.status, answer.body.code]).toEqual([400, "invalid_argument"]);
    const before = await usedBy(caller);
    await send({ "x-api-key": caller });
    let asked = 0;
    await eventually(
      async () => (await usedBy(caller)) - before - ++asked,
      (extra) => extra === 1,
    );
  });
});

describe("a client that goes away while its key is looked up", () => {
  it("leaves no body behind that is being read", async () => {
    const { accountId } = await auth.newAccount(Plan.ENTERPRISE);
    const { hostname, port } = new URL(edge);
    const inFlight = async () => {
      const { metrics } = cluster.members("edge")[0] as Member;
      const gauges = await (await fetch(`http://${metrics}/metrics`)).text();
      return Number(/bodies_in_flight(?:\{[^}]*\})? (\d+)/.exec(gauges)?.[1]);
    };
    for (let count = 0; count < 20; count++) {
      // A key that the edge does not know yet, so that it asks auth.
      const { secret } = await auth.keys.createKey({ accountId, name: "n" }, { timeoutMs: 10_000 });
      const path = "/qrforge.api.v1.ApiService/GetUsage";
      const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${secret}\r\ncontent-type: application/json\r\n`;
      const socket = connect(Number(port), hostname);
      socket.write(`${head}content-length: 2\r\n\r\n{}`, () => socket.resetAndDestroy());
      await new Promise((resolve) => socket.once("close", resolve));
    }
    expect((await call(`${edge}/v1/usage`, { key })).status).toBe(200);
    await eventually(inFlight, (bodies) => bodies === 0);
  });
});

describe("a client that sends requests one behind the other", () => {
  const get = () => `GET /v1/usage HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\n`;

  it("gets their answers before the rejection of what is no request", async () => {
    expect(statusesIn(await converse(`${get()}\r\n${get()}\r\nGARBAGE\r\n\r\n`))).toEqual([200, 200, 400]);
    const cutShort = "POST /v1/projects HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n";
    expect(statusesIn(await converse(`${get()}\r\n${cutShort}`))).toEqual([200, 400]);
    expect(statusesIn(await converse(cutShort))).toEqual([400]);
  });

  it("gets no answer to what it sends behind the request that closes the connection", async () => {
    expect(statusesIn(await converse(`${get()}connection: close\r\n\r\n${get()}\r\n`))).toEqual([200]);
  });

  it("gets their answers though it has ended its side of the connection", async () => {
    const scan = "GET /there HTTP/1.1\r\nhost: x\r\n\r\n";
    const answer = await converse(`${get()}\r\n${scan}${scan}`, { endsItsSide: true });
    expect(statusesIn(answer)).toEqual([200, 302, 302]);
  });
});

describe("a call whose host is none", () => {
  const callPath = "/qrforge.api.v1.ApiService/GetUsage";

  it("is rejected over HTTP/1.1", async () => {
    const head = `POST ${callPath} HTTP/1.1\r\nhost: [\r\nconnection: close\r\n`;
    expect(statusesIn(await converse(`${head}content-length: 0\r\n\r\n`))).toEqual([400]);
  });
});
