import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { eventually } from "../../support/api.ts";
import type { Attack } from "../attack.ts";
import { hold } from "../hold.ts";
import { openStream, type Target } from "../target.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
const callPath = "/qrforge.api.v1.ApiService/GetUsage";
const post = { ":method": "POST", ":path": callPath, "content-type": "application/json" };
const othersServed = "Scans and calls of others are served meanwhile.";

/** Opens connections one after the other, so that no burst of handshakes is what is tried. */
function openMany(count: number, open: () => Socket): Socket[] {
  return Array.from({ length: count }, open);
}

/** Longest time after which a connection without progress is cut off, in ms. */
const cutOffMaxMs = 45_000;

async function areCutOff(sockets: readonly Socket[]): Promise<string> {
  const open = async () => sockets.filter((socket) => !socket.destroyed).length;
  await eventually(open, (count) => count === 0, cutOffMaxMs);
  return `${sockets.length} cut off`;
}

/** Attacks by connections that are opened, held, or not read. They need no key. */
export const connectionAttacks: Attack[] = [
  {
    kind: "connections",
    name: "pipelined requests whose answers are not read",
    promise: othersServed,
    async run(target) {
      // What fills the buffers between the two comes first, so that the rest cannot be answered.
      for (const path of ["/x", "/v1/x"]) {
        target.sendAndNotRead(`${get("/openapi.json").repeat(150)}${get(path).repeat(1_500)}`);
      }
      return target.othersAreServed();
    },
  },
  {
    kind: "connections",
    name: "an answer that is not read",
    promise: "The connection is cut off.",
    async run(target) {
      const socket = target.sendAndNotRead(get("/openapi.json").repeat(300));
      await eventually(
        async () => socket.destroyed || socket.write(get("/x")),
        () => socket.destroyed,
        cutOffMaxMs,
      );
      return "cut off";
    },
  },
  {
    kind: "connections",
    name: "request bodies that never end",
    promise: othersServed,
    async run(target) {
      const head = "POST /dashboard/api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
      openMany(target.scaled(2_000), () => target.sendAndNotRead(`${head}content-length: 1000\r\n\r\n{`));
      return target.othersAreServed();
    },
  },
  {
    kind: "connections",
    name: "request heads that never end",
    promise: `${othersServed} The connections are cut off.`,
    async run(target) {
      const sockets = openMany(target.scaled(1_000), () => target.sendAndNotRead("GET / HTTP/1.1\r\nhost: x\r\nx: "));
      const drip = setInterval(() => {
        for (const socket of sockets) if (!socket.destroyed) socket.write("a");
      }, 1_000);
      try {
        const served = await target.othersAreServed();
        for (const socket of sockets) socket.resume();
        return `${served}; ${await areCutOff(sockets)}`;
      } finally {
        clearInterval(drip);
      }
    },
  },
  {
    kind: "connections",
    name: "connections on which nothing is sent",
    promise: othersServed,
    async run(target) {
      const sockets = openMany(target.scaled(2_000), () => target.sendAndNotRead(""));
      return `${sockets.length} opened; ${await target.othersAreServed()}`;
    },
  },
  {
    kind: "connections",
    name: "HTTP/2 calls with a window of 0",
    promise: othersServed,
    run: (target) =>
      withSessions(target, (session) => {
        for (let stream = 0; stream < 250; stream++) openStream(session, { ...post, "x-api-key": "no" }).end("{}");
      }),
  },
  {
    kind: "connections",
    name: "HTTP/2 calls whose bodies never end",
    promise: othersServed,
    run: (target) =>
      withSessions(target, (session) => {
        for (let stream = 0; stream < 250; stream++) {
          openStream(session, { ...post, "x-api-key": target.attacker.key }).write("{");
        }
      }),
  },
  {
    kind: "connections",
    name: "HTTP/2 calls that are opened and reset at once",
    promise: othersServed,
    run: (target) =>
      withSessions(target, (session) => {
        for (let stream = 0; stream < target.scaled(5_000); stream++) {
          openStream(session, { ...post, "x-api-key": "no" }).close(8);
        }
      }),
  },
  {
    kind: "connections",
    name: "HTTP/2 pings and settings without end",
    promise: othersServed,
    run: (target) =>
      withSessions(target, (session) => {
        session.once("connect", () => {
          for (let index = 0; index < target.scaled(5_000) && !session.destroyed; index++) {
            session.ping(() => {});
            if (index % 50 === 0) session.settings({ initialWindowSize: index });
          }
        });
      }),
  },
  {
    kind: "connections",
    name: "HTTP/2 headers of 100 KiB",
    promise: "The call is rejected, and others are served.",
    async run(target) {
      if (!target.rpc) return noRpc;
      const stream = openStream(target.openSession(), { ...post, "x-large": "a".repeat(100 * 1024) });
      stream.end("{}");
      const status = await Promise.race([
        once(stream, "response").then(
          ([headers]) => (headers as { ":status": number })[":status"],
          () => "reset",
        ),
        once(stream, "close").then(
          () => "reset",
          () => "reset",
        ),
      ]);
      hold(status === "reset" || status === 431, `answered ${status}`);
      return `${status}; ${await target.othersAreServed(5)}`;
    },
  },
  {
    kind: "connections",
    name: "an HTTP/2 call to the host [",
    promise: "The call is rejected with 400, and the edge goes on.",
    async run(target) {
      if (!target.rpc) return noRpc;
      const stream = openStream(target.openSession(), { ":method": "POST", ":path": callPath, ":authority": "[" });
      stream.end("{}");
      const [headers] = (await once(stream, "response")) as [{ ":status": number }];
      hold(headers[":status"] === 400, `answered ${headers[":status"]}`);
      return `400; ${await target.othersAreServed(2)}`;
    },
  },
];

const noRpc = "not tried: no address of gRPC is known";

/** Runs an attack on 8 HTTP/2 connections at once while others call. */
async function withSessions(target: Target, attack: (session: ClientHttp2Session) => void): Promise<string> {
  if (!target.rpc) return noRpc;
  for (let count = 0; count < 8; count++) attack(target.openSession());
  return target.othersAreServed();
}
