import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { formatApiKey } from "../../contracts/api-key.ts";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { randomBase62 } from "../../platform/ids.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth } from "../support/api.ts";

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let edge: string;
let rpc: string;
let key: string;

/** What the tests hold open, and close at their end. */
const sockets: Socket[] = [];
const sessions: ClientHttp2Session[] = [];

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({
    env: { edge: { API_IN_FLIGHT_MAX: "50", SCANS_IN_FLIGHT_MAX: "50", UNKNOWN_KEYS_PER_MINUTE_MAX: "30" } },
  }));
  auth = openAuth(addressesOf(cluster, "auth"));
  edge = cluster.edgeUrls()[0] as string;
  rpc = `http://${cluster.members("edge")[0]?.rpc}`;
  key = (await auth.newAccount()).key as string;
  await call(`${edge}/v1/qr-codes`, { key, body: { name: "n", redirect_url: "https://example.com/", slug: "there" } });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const session of sessions.splice(0)) session.destroy();
});
afterAll(async () => {
  auth.close();
  await end();
});

/** Opens a connection to the edge that sends bytes and reads nothing. */
function sendAndNotRead(bytes: string): Socket {
  const { hostname, port } = new URL(edge);
  const socket = connect(Number(port), hostname, () => socket.write(bytes, "latin1"));
  socket.on("error", () => {});
  socket.pause();
  sockets.push(socket);
  return socket;
}

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

/** Opens an HTTP/2 connection to the RPC port whose client takes no byte of an answer. */
function openSession(): ClientHttp2Session {
  const session = connectHttp2(rpc, { settings: { initialWindowSize: 0 } });
  session.on("error", () => {});
  sessions.push(session);
  return session;
}

/** Makes scans and API calls one after the other, and returns the statuses that they had. */
async function statusesOfOthers(times = 40): Promise<{ scans: Set<number>; calls: Set<number> }> {
  const scans = new Set<number>();
  const calls = new Set<number>();
  for (let index = 0; index < times; index++) {
    scans.add((await call(`${edge}/there`)).status);
    calls.add((await call(`${edge}/v1/qr-codes/there`, { key })).status);
  }
  return { scans, calls };
}
const unharmed = { scans: new Set([302]), calls: new Set([200]) };

describe("a client without a key that does not read its answers takes nothing from the others", () => {
  it("with 60 KB of pipelined requests on one connection", async () => {
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
    // What fills the buffers between the two comes first, so that the rest cannot be answered.
    sendAndNotRead(`${get("/openapi.json").repeat(150)}${get("/x").repeat(1_500)}`);
    sendAndNotRead(`${get("/openapi.json").repeat(150)}${get("/v1/x").repeat(1_500)}`);
    expect(await statusesOfOthers()).toEqual(unharmed);
  });

  it("with 8 HTTP/2 connections of as many calls as they may have, with a window of 0", async () => {
    for (let count = 0; count < 8; count++) {
      const session = openSession();
      for (let stream = 0; stream < 250; stream++) {
        const headers = { ":method": "POST", ":path": "/qrforge.api.v1.ApiService/GetUsage" };
        const request = session.request({ ...headers, "content-type": "application/json", "x-api-key": "no" });
        request.on("error", () => {}).end("{}");
      }
    }
    expect(await statusesOfOthers()).toEqual(unharmed);
  });

  it("and is cut off when it has read nothing for a while", { timeout: 40_000 }, async () => {
    const socket = sendAndNotRead("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(300));
    await eventually(
      async () => socket.write("GET /x HTTP/1.1\r\nhost: x\r\n\r\n"),
      () => socket.destroyed,
      30_000,
    );
  });
});

describe("a client that sends its bodies slowly takes nothing from the others", () => {
  it("with 400 sign-ins that never come to their end", async () => {
    const post =
      "POST /dashboard/api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    for (let count = 0; count < 400; count++) sendAndNotRead(post);
    expect(await statusesOfOthers()).toEqual(unharmed);
  });

  it("with 8 HTTP/2 connections of calls that never come to their end", async () => {
    for (let count = 0; count < 8; count++) {
      const session = openSession();
      for (let stream = 0; stream < 250; stream++) {
        const headers = { ":method": "POST", ":path": "/qrforge.api.v1.ApiService/GetUsage" };
        const request = session.request({ ...headers, "content-type": "application/json", "x-api-key": key });
        request.on("error", () => {}).write("{");
      }
    }
    expect(await statusesOfOthers()).toEqual(unharmed);
  });
});

describe("a route that needs no key", () => {
  it("takes bodies of 64 KiB at most", async () => {
    const body = `[${'{"a":1},'.repeat(50_000)}{}]`;
    for (const path of ["/dashboard/api/session", "/dashboard/api/sign-up", "/leaked-keys"]) {
      const answer = await call(`${edge}${path}`, { body });
      expect([path, answer.status, answer.body.code]).toEqual([path, 413, "payload_too_large"]);
    }
  });

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

  it("is refused with 401 without a good key", async () => {
    const answer = await send({});
    expect([answer.status, answer.body.code]).toEqual([401, "unauthenticated"]);
  });

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

describe("an address from which keys are guessed", () => {
  it("may use the keys that the edge knows", async () => {
    const guess = () => {
      return call(`${edge}/v1/usage`, { key: formatApiKey(randomBase62(26)) });
    };
    await eventually(guess, ({ status }) => status === 429);
    expect((await call(`${edge}/v1/usage`, { key })).status).toBe(200);
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

  it("is rejected over HTTP/2, and the edge goes on", async () => {
    const request = openSession().request({ ":method": "POST", ":path": callPath, ":authority": "[" });
    request.end("{}");
    const [headers] = (await once(request, "response")) as [{ ":status": number }];
    expect(headers[":status"]).toBe(400);
    expect(await statusesOfOthers(1)).toEqual(unharmed);
  });

  it("is rejected over HTTP/1.1", async () => {
    const head = `POST ${callPath} HTTP/1.1\r\nhost: [\r\nconnection: close\r\n`;
    expect(statusesIn(await converse(`${head}content-length: 0\r\n\r\n`))).toEqual([400]);
  });
});
