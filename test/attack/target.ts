import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from "node:http2";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { type CallOptions, call, type openAuth } from "../support/api.ts";
import { hold } from "./hold.ts";

/** An account that is attacked, or attacks, with what it has in the deployment. */
export interface Party {
  key: string;
  codeId: string;
  slug: string;
  projectId: string;
}

/** A running deployment, seen from outside, and two accounts of it. */
export interface Target {
  /** Base URL of an edge. */
  edge: string;
  /** URL at which it serves gRPC over HTTP/2; undefined where there is none to reach. */
  rpc: string | undefined;
  victim: Party;
  attacker: Party;
  /** Returns a number of requests or connections, reduced for a short run. */
  scaled(full: number): number;
  /** Makes one HTTP call to the edge. */
  call(path: string, options?: CallOptions): ReturnType<typeof call>;
  /** Opens a connection, sends bytes and reads nothing. */
  sendAndNotRead(bytes: string): Socket;
  /** Sends bytes on a connection of their own; returns what comes back until it is closed or silent for 2 s. */
  converse(bytes: string): Promise<string>;
  /** Opens an HTTP/2 connection that takes no byte of an answer. */
  openSession(): ClientHttp2Session;
  /** Makes the victim's scans and calls one after the other; throws unless all are served. Returns what was seen. */
  othersAreServed(times?: number): Promise<string>;
  /** Closes whatever an attack has opened. */
  closeOpen(): void;
}

export interface TargetOptions {
  edge: string;
  rpc: string | undefined;
  victimKey: string;
  attackerKey: string;
  /** Share of the full numbers, 0 to 1. */
  scale: number;
}

/** Makes the two accounts, without limits, so that only capacity is tried. */
export async function newKeys(
  auth: ReturnType<typeof openAuth>,
): Promise<Pick<TargetOptions, "victimKey" | "attackerKey">> {
  const [victim, attacker] = [await auth.newAccount(Plan.ENTERPRISE), await auth.newAccount(Plan.ENTERPRISE)];
  return { victimKey: victim.key, attackerKey: attacker.key };
}

/** Makes a project and a code for each of the two accounts, which `end` archives again. */
export async function openTarget(options: TargetOptions): Promise<{ target: Target; end(): Promise<void> }> {
  const { edge, rpc } = options;
  const victim = await makeParty(edge, options.victimKey);
  const attacker = await makeParty(edge, options.attackerKey);
  const { hostname, port, protocol } = new URL(edge);
  const isTls = protocol === "https:";
  const sockets: Socket[] = [];
  const sessions: ClientHttp2Session[] = [];

  function openSocket(): Socket {
    const to = { host: hostname, port: Number(port) || (isTls ? 443 : 80) };
    const socket = isTls
      ? connectTls({ ...to, ...(!isIP(hostname) && { servername: hostname }), rejectUnauthorized: false })
      : connect(to);
    socket.on("error", () => {});
    sockets.push(socket);
    return socket;
  }

  const target: Target = {
    edge,
    rpc,
    victim,
    attacker,
    scaled: (full) => Math.max(1, Math.round(full * options.scale)),
    call: (path, callOptions) => call(`${edge}${path}`, callOptions),
    sendAndNotRead(bytes) {
      const socket = openSocket();
      socket.once(isTls ? "secureConnect" : "connect", () => socket.write(bytes, "latin1"));
      socket.pause();
      return socket;
    },
    converse(bytes) {
      const socket = openSocket();
      socket.once(isTls ? "secureConnect" : "connect", () => socket.write(bytes, "latin1"));
      socket.setTimeout(2_000, () => socket.destroy());
      return new Promise((resolve) => {
        let answer = "";
        socket.setEncoding("latin1");
        socket.on("data", (data) => {
          answer += data;
        });
        socket.once("close", () => resolve(answer));
      });
    },
    openSession() {
      const session = connectHttp2(rpc as string, { settings: { initialWindowSize: 0 }, rejectUnauthorized: false });
      session.on("error", () => {});
      sessions.push(session);
      return session;
    },
    async othersAreServed(times = 40) {
      for (let index = 0; index < times; index++) {
        const scan = await target.call(`/${victim.slug}`);
        hold(scan.status === 302, `a scan of another account: ${scan.status}`);
        const read = await target.call(`/v1/qr-codes/${victim.codeId}`, { key: victim.key });
        hold(read.status === 200, `a call of another account: ${read.status} ${read.text.slice(0, 100)}`);
      }
      return `${times} scans and ${times} calls of others served meanwhile`;
    },
    closeOpen() {
      for (const socket of sockets.splice(0)) socket.destroy();
      for (const session of sessions.splice(0)) session.destroy();
    },
  };
  const archive = ({ key, codeId }: Party) =>
    target.call(`/v1/qr-codes/${codeId}`, { method: "PATCH", key, body: { status: "archived" } });
  return {
    target,
    async end() {
      target.closeOpen();
      await archive(victim);
      await archive(attacker);
    },
  };
}

async function makeParty(edge: string, key: string): Promise<Party> {
  const project = await call(`${edge}/v1/projects`, { key, body: { name: "attack" } });
  hold(project.status === 201, `POST /v1/projects answers ${project.status}: ${project.text.slice(0, 200)}`);
  const projectId = project.body.data.id as string;
  const body = { name: "attack", redirect_url: "https://example.com/", project_id: projectId };
  const code = await call(`${edge}/v1/qr-codes`, { key, body });
  hold(code.status === 201, `POST /v1/qr-codes answers ${code.status}: ${code.text.slice(0, 200)}`);
  return { key, projectId, codeId: code.body.data.id, slug: code.body.data.slug };
}

/** Opens a stream of an HTTP/2 connection whose errors are of no interest. */
export function openStream(session: ClientHttp2Session, headers: OutgoingHttpHeaders) {
  const stream = session.request(headers);
  stream.on("error", () => {});
  return stream;
}

/** Statuses of the HTTP/1.1 answers in a text. */
export const statusesIn = (answer: string): number[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
