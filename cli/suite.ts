import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endChild, hasEnded, spawnNode } from "./child.ts";
import { buildDashboard } from "./dashboard.ts";
import type { InfraCommand, InfraMessage, InfraRequest, ServerState } from "./infra.ts";
import { freePort, probePort } from "./ports.ts";
import { Problem } from "./problem.ts";
import { isAlive, type RunFile, readRunFile, removeRunFile, writeRunFile } from "./run-file.ts";
import { root } from "./settings.ts";

export type Kind = "auth" | "quota" | "qr" | "edge";

export interface SuiteOptions {
  dataDir: string;
  /** Where a fetched nats-server is kept. */
  toolsDir: string;
  /** The first edge's port; the next edges follow. 0 is any free one for each. */
  port: number;
  replicas: Record<Kind, number>;
  /** Servers of one's own; empty for the embedded ones. */
  databaseUrl: string;
  natsUrl: string;
  /** Settings for services of a kind, besides those that the launcher gives. */
  env?: Partial<Record<Kind, Record<string, string>>>;
  /** Whether a service that ends unasked is started again. */
  restart: boolean;
  /** Told what is going on, a line at a time. */
  tell(text: string): void;
  /** Called when the suite has stopped by itself because Postgres and NATS are lost. */
  onLost?(): void;
}

export interface Member {
  kind: Kind;
  name: string;
  address: string;
  /** Where its metrics are, `host:port`. */
  metrics: string;
  /** Where an edge serves `qrforge.api.v1` over gRPC, `host:port`. */
  rpc?: string;
  child: ChildProcess;
  /** Settings for this member alone, from its next start on. */
  env?: Record<string, string>;
}

export interface Suite {
  members(kind: Kind): Member[];
  /** Where the edges are, `http://127.0.0.1:port`. */
  edgeUrls(): string[];
  infra(): { postgres: ServerState | null; nats: ServerState | null };
  databaseUrl: string;
  /** Stops or starts an embedded server and waits until that is so. */
  command(command: InfraCommand): Promise<void>;
  /** Starts a member that has ended again, at its old address. */
  revive(member: Member): Promise<void>;
  /** Drains and ends everything. */
  stop(): Promise<void>;
}

const startMaxMs = 30_000;
const endMaxMs = 15_000;
const restartMs = 500;
const restartMaxMs = 10_000;
const commandMaxMs = 30_000;

/** Starts the whole suite on this machine and lists it in `run.json`. Throws a Problem if something is to be mended. */
export async function startSuite(options: SuiteOptions): Promise<Suite> {
  const { dataDir, tell } = options;
  await buildDashboard(tell);
  const edgePorts = await claimPorts(options);
  await claimDataDir(dataDir, tell);
  const logs = path.join(dataDir, "logs");
  await mkdir(logs, { recursive: true, mode: 0o700 });

  const members: Member[] = [];
  /** Every service process started and not seen to end, also one that is still starting. */
  const running = new Set<ChildProcess>();
  let stopping = false;
  const infra = await startInfra().catch(async (error) => {
    await releaseDataDir(dataDir);
    throw error;
  });
  const databaseUrl = options.databaseUrl || (infra.state.postgres as ServerState).url;
  const shortUrlBase = process.env.SHORT_URL_BASE ?? `http://localhost:${edgePorts[0]}`;

  function environment(kind: Kind): NodeJS.ProcessEnv {
    const addresses = (of: Kind) => addressList(members.filter((member) => member.kind === of));
    const { DATABASE_URL: _theirs, ...inherited } = process.env;
    return {
      ...inherited,
      NODE_COMPILE_CACHE: path.join(root, ".qrforge", "compile-cache"),
      METRICS_LISTEN_ADDRESS: "127.0.0.1:0",
      RPC_LISTEN_ADDRESS: "127.0.0.1:0",
      NATS_URL: options.natsUrl || (infra.state.nats?.url ?? ""),
      SHORT_URL_BASE: shortUrlBase,
      ...(kind !== "edge" && { DATABASE_URL: databaseUrl }),
      ...(kind === "edge" && {
        AUTH_ADDRESS: addresses("auth"),
        QUOTA_ADDRESS: addresses("quota"),
        QR_ADDRESS: addresses("qr"),
      }),
      ...options.env?.[kind],
    };
  }

  async function startMember(kind: Kind, index: number, listen: string): Promise<Member> {
    const name = options.replicas[kind] > 1 ? `${kind}-${index + 1}` : kind;
    const member = { kind, name, address: listen } as Member;
    await launch(member);
    tell(`${name}: ready`);
    return member;
  }

  async function launch(member: Member): Promise<void> {
    const logFile = path.join(logs, `${member.name}.log`);
    const child = spawnNode(path.join(root, "services", member.kind, "main.ts"), {
      env: { ...environment(member.kind), LISTEN_ADDRESS: member.address, ...member.env },
      logFile,
    });
    member.child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    const { ready, ...more } = await announced(child, member.name, logFile);
    Object.assign(member, { address: ready, ...more });
    child.once("exit", () => void replace(member, child));
  }

  async function replace(member: Member, child: ChildProcess): Promise<void> {
    if (!options.restart || stopping || member.child !== child) return;
    tell(`${member.name} ended unexpectedly; starting it again`);
    for (let delayMs = restartMs; !stopping; delayMs = Math.min(2 * delayMs, restartMaxMs)) {
      await sleep(delayMs);
      if (stopping) return;
      try {
        await launch(member);
        await list();
        tell(`${member.name}: ready`);
        return;
      } catch (error) {
        tell((error as Error).message);
      }
    }
  }

  async function list(): Promise<void> {
    const of = (kind: Kind) =>
      members
        .filter((member) => member.kind === kind)
        .map(({ address, metrics, rpc, child }) => ({
          address,
          pid: child.pid as number,
          metrics: `http://${metrics}/metrics`,
          rpc: rpc ?? "",
        }));
    const inner = ({ address, pid, metrics }: ReturnType<typeof of>[number]) => ({ address, pid, metrics });
    const content: RunFile = {
      launcher: { pid: process.pid },
      edges: of("edge").map(({ address, ...edge }) => ({ url: `http://${address}`, ...edge })),
      auth: of("auth").map(inner),
      quota: of("quota").map(inner),
      qr: of("qr").map(inner),
      postgres: infra.state.postgres ?? { url: databaseUrl, pid: null },
      nats: infra.state.nats ?? (options.natsUrl ? { url: options.natsUrl, pid: null } : null),
    };
    await writeRunFile(dataDir, content);
  }

  async function startInfra() {
    const request: InfraRequest = {
      dataDir,
      toolsDir: options.toolsDir,
      postgres: options.databaseUrl === "",
      nats: options.natsUrl === "",
    };
    const logFile = path.join(logs, "infra.log");
    const child = spawnNode(path.join(root, "cli", "infra.ts"), {
      args: [JSON.stringify(request)],
      env: process.env,
      logFile,
    });
    const infra = { child, state: { postgres: null, nats: null } as ReturnType<Suite["infra"]>, changed: () => {} };
    await new Promise<void>((resolve, reject) => {
      child.on("message", (message: InfraMessage) => {
        if ("tell" in message) tell(message.tell);
        else if ("problem" in message) reject(new Problem(message.problem));
        else {
          infra.state = message.up;
          if (members.length > 0) void list();
          infra.changed();
          resolve();
        }
      });
      child.once("exit", (code) => {
        reject(new Problem(`the keeper of Postgres and NATS ended (code ${code}); see ${logFile}`));
        if (stopping) return;
        tell(`the keeper of Postgres and NATS ended (code ${code}); stopping. See ${logFile}`);
        void stop().then(options.onLost);
      });
    });
    return infra;
  }

  async function stop(): Promise<void> {
    stopping = true;
    // Who asks is stopped before who answers, so that what is in flight can finish.
    await Promise.all(members.filter(({ kind }) => kind === "edge").map(({ child }) => endChild(child, endMaxMs)));
    await Promise.all([...running].map((child) => endChild(child, endMaxMs)));
    await endChild(infra.child, endMaxMs);
    // Only a keeper that was killed leaves its servers behind.
    for (const server of [infra.state.postgres, infra.state.nats]) {
      if (server && isAlive(server.pid)) process.kill(server.pid, "SIGINT");
    }
    await removeRunFile(dataDir);
    await releaseDataDir(dataDir);
  }

  try {
    const backends = (["auth", "quota", "qr"] as const).flatMap((kind) =>
      Array.from({ length: options.replicas[kind] }, (_, index) => startMember(kind, index, "127.0.0.1:0")),
    );
    members.push(...(await Promise.all(backends)));
    const edges = edgePorts.map((port, index) => startMember("edge", index, `127.0.0.1:${port}`));
    members.push(...(await Promise.all(edges)));
    await list();
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    members: (kind) => members.filter((member) => member.kind === kind),
    edgeUrls: () => members.filter(({ kind }) => kind === "edge").map(({ address }) => `http://${address}`),
    infra: () => infra.state,
    databaseUrl,
    command: (command) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("the keeper did not answer")), commandMaxMs);
        infra.changed = () => {
          clearTimeout(timer);
          resolve();
        };
        infra.child.send(command);
      }),
    async revive(member) {
      if (!hasEnded(member.child)) throw new Error(`${member.name} still runs`);
      await launch(member);
      await list();
    },
    stop,
  };
}

function addressList(members: Member[]): string {
  return members.map((member) => member.address).join(",");
}

/** What a service says once it serves: where it listens, and where its metrics are. */
interface Announced {
  ready: string;
  metrics: string;
  rpc?: string;
}

/** Waits until a service says where it listens. */
function announced(child: ChildProcess, name: string, logFile: string): Promise<Announced> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Problem(`${name} did not start within ${startMaxMs / 1000} s; see ${logFile}`));
    }, startMaxMs);
    child.on("message", (message: Announced) => {
      clearTimeout(timer);
      resolve(message);
    });
    child.once("exit", async (code) => {
      clearTimeout(timer);
      const last = (await readFile(logFile, "utf8").catch(() => "")).trim().split("\n").at(-1);
      reject(new Problem(`${name} ended while starting (code ${code}); see ${logFile}: ${last}`));
    });
  });
}

/** Makes the data directory this launcher's own. */
async function claimDataDir(dataDir: string, tell: (text: string) => void): Promise<void> {
  const mend = "Set QRFORGE_DATA_DIR to a folder of your own.";
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Problem(`${dataDir} cannot be made: ${(error as Error).message}. ${mend}`, { cause: error });
  }
  const uid = process.getuid?.();
  const ownerUid = (await stat(dataDir)).uid;
  if (uid !== undefined && ownerUid !== uid) {
    throw new Problem(`${dataDir} belongs to user ${ownerUid}, and you are ${uid}. Start as that user, or: ${mend}`);
  }
  const runFile = path.join(dataDir, "run.json");
  const owner = Number.parseInt(await readFile(lockOf(dataDir), "utf8").catch(() => ""), 10);
  const running = owner || (await readRunFile(dataDir))?.launcher?.pid;
  if (running && running > 0 && isAlive(running)) {
    const files = `${lockOf(dataDir)} and ${runFile}`;
    throw new Problem(
      `QRForge is running here already (pid ${running}). Stop it, or set QRFORGE_DATA_DIR to start another. ` +
        `If that process is something else, delete ${files}.`,
    );
  }
  await releaseDataDir(dataDir);
  try {
    await writeFile(lockOf(dataDir), String(process.pid), { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw new Problem(`Another launcher has just begun to start in ${dataDir}.`, { cause: error });
  }
  if (existsSync(runFile)) {
    tell("run.json was left by a suite that has ended; it is replaced");
    await removeRunFile(dataDir);
  }
}

/** Held, with the launcher's pid in it, from before anything is started until everything has stopped. */
function lockOf(dataDir: string): string {
  return path.join(dataDir, "launcher.pid");
}

async function releaseDataDir(dataDir: string): Promise<void> {
  await rm(lockOf(dataDir), { force: true });
}

async function claimPorts({ port, replicas }: SuiteOptions): Promise<number[]> {
  const ports: number[] = [];
  for (let index = 0; index < replicas.edge; index++) {
    const wanted = port === 0 ? 0 : port + index;
    try {
      ports.push(await (wanted === 0 ? freePort() : probePort(wanted)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") {
        throw new Problem(
          `Port ${wanted} cannot be used (${(error as Error).message}). Choose another: QRFORGE_PORT=9080 npm start`,
          { cause: error },
        );
      }
      throw new Problem(`Port ${wanted} is in use. Stop what uses it, or choose another: QRFORGE_PORT=9080 npm start`, {
        cause: error,
      });
    }
  }
  return ports;
}
