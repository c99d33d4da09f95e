/**
 * Runs Postgres and nats-server for a launcher, as its child process, and ends them when the IPC channel to the launcher
 * closes, however the launcher ended. Neither server would notice that by itself.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../cli/errors.ts";
import { type NatsClient, natsUserOf } from "../platform/messaging/users.ts";
import { answersQueries } from "../platform/postgres/inspect.ts";
import { findNatsServer, spawnNats } from "./nats.ts";
import { newPassword } from "./password.ts";
import { freePort } from "./ports.ts";
import { preparePostgres } from "./postgres.ts";

export interface DevServersRequest {
  dataDir: string;
  /** Directory of fetched programs, shared by all data directories. */
  toolsDir: string;
  postgres: boolean;
  nats: boolean;
}

export interface ServerState {
  url: string;
  pid: number;
}

/** NATS, with the URL of the operator's user, and the passwords of all users. */
export interface NatsState extends ServerState {
  passwords: Record<NatsClient, string>;
}

export type DevServersMessage =
  | { report: string }
  | { problem: string }
  /** Sent when both are up, and with every change; `done` is the id of the command that made it. */
  | { up: { postgres: ServerState | null; nats: NatsState | null }; done?: number };

/** Commands of the launcher, for tests of the cluster without a server. */
export type DevServersCommand = { stop: "postgres" | "nats" } | { start: "postgres" | "nats" };

interface Server {
  url: string;
  /** Whether it is ready: Postgres listens before it has recovered. */
  answers(): Promise<boolean>;
  spawn(): Promise<ChildProcess>;
  stopSignal: NodeJS.Signals;
  child?: ChildProcess;
  /** Whether it should run, so that an exit is unexpected. */
  wanted: boolean;
}

const readyMaxMs = 30_000;
const restartMs = 500;
const stopping = new AbortController();
const servers: { postgres?: Server; nats?: Server } = {};
/** New at each start: nobody but this launcher's services has to know them. */
const natsPasswords: Record<NatsClient, string> = {
  auth: newPassword(),
  qr: newPassword(),
  edge: newPassword(),
  operator: newPassword(),
};
let ending = false;

const send = (message: DevServersMessage) => process.connected && process.send?.(message);
const report = (text: string) => send({ report: text });

async function startServer(name: keyof typeof servers): Promise<void> {
  const server = servers[name];
  if (!server || ending) return;
  server.wanted = true;
  const child = await server.spawn();
  server.child = child;
  child.once("error", (error) => fail(new UserError(`${name} could not be started: ${error.message}`)));
  child.once("exit", () => void restart(name, child));
  for (const end = performance.now() + readyMaxMs; !(await server.answers()); await sleep(20)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new UserError(`${name} ended at once; see its log`);
    if (performance.now() > end)
      throw new UserError(`${name} did not answer within ${readyMaxMs / 1000} s; see its log`);
  }
}

/** Restarts a server that ends unexpectedly, on the same port. */
async function restart(name: keyof typeof servers, child: ChildProcess): Promise<void> {
  const server = servers[name];
  if (!server?.wanted || ending || server.child !== child) return;
  report(`${name} ended unexpectedly; starting it again`);
  await sleep(restartMs);
  if (!server.wanted || ending || server.child !== child) return;
  await startServer(name).then(() => sendState(), fail);
}

async function stopServer(name: keyof typeof servers): Promise<void> {
  const server = servers[name];
  if (!server?.child) return;
  server.wanted = false;
  const { child } = server;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill(server.stopSignal);
  child.kill("SIGCONT");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await exit;
  clearTimeout(timer);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const done = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}

function sendState(done?: number): void {
  const state = (server: Server | undefined) =>
    server?.child?.pid && server.wanted ? { url: server.url, pid: server.child.pid } : null;
  const nats = state(servers.nats);
  const up = { postgres: state(servers.postgres), nats: nats && { ...nats, passwords: natsPasswords } };
  send({ up, ...(done !== undefined && { done }) });
}

async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  stopping.abort();
  await Promise.all([stopServer("nats"), stopServer("postgres")]);
  process.exit(code);
}

function fail(error: unknown): void {
  send({ problem: error instanceof UserError ? error.message : String((error as Error).stack ?? error) });
  void end(1);
}

async function preparedPostgres(request: DevServersRequest): Promise<void> {
  const logFile = path.join(request.dataDir, "logs", "postgres.log");
  const embedded = await preparePostgres(request.dataDir, { logFile, report, signal: stopping.signal });
  const { url } = embedded;
  const answers = () => answersQueries(url);
  servers.postgres = { url, answers, spawn: embedded.start, stopSignal: "SIGINT", wanted: true };
  await startServer("postgres");
  report("Postgres: ready");
}

async function preparedNats(request: DevServersRequest): Promise<void> {
  const found = await findNatsServer(request.toolsDir, report);
  if ("missing" in found) {
    const advice =
      "Everything works without it; changes take up to half a second longer to reach every edge, and scans wait in memory. " +
      "Install nats-server (a package of most systems; https://nats.io/download) or set NATS_URL";
    report(`nats-server: not found, and ${found.missing}. ${advice}.`);
    return;
  }
  const port = await freePort();
  const logFile = path.join(request.dataDir, "logs", "nats.log");
  const folder = path.join(request.dataDir, "nats");
  servers.nats = {
    url: `nats://${natsUserOf("operator")}:${natsPasswords.operator}@127.0.0.1:${port}`,
    answers: () => accepts(port),
    spawn: () => spawnNats(found.binary, { port, folder, passwords: natsPasswords, logFile }),
    stopSignal: "SIGTERM",
    wanted: true,
  };
  await startServer("nats");
  report("nats-server: ready");
}

async function main(): Promise<void> {
  const request = JSON.parse(process.argv[2] as string) as DevServersRequest;
  process.on("disconnect", () => void end(0));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void end(0));
  process.on("message", (command: DevServersCommand & { id: number }) => {
    const running = "stop" in command ? stopServer(command.stop) : startServer(command.start);
    running.then(() => sendState(command.id), fail);
  });
  await mkdir(path.join(request.dataDir, "logs"), { recursive: true, mode: 0o700 });
  await Promise.all([
    request.postgres ? preparedPostgres(request) : undefined,
    request.nats ? preparedNats(request) : undefined,
  ]);
  sendState();
}

main().catch(fail);
