import type { ChildProcess } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../cli/errors.ts";
import { withProgress } from "../cli/progress.ts";
import { root } from "../cli/settings.ts";
import { isAlive, type RunFile, removeRunFile, writeRunFile } from "../cli/state-file.ts";
import { buildDashboard } from "../scripts/build-dashboard.ts";
import { endChild, hasEnded, spawnNode } from "./child.ts";
import { claimDataDir, claimPorts, releaseDataDir } from "./claim.ts";
import type { DevServersCommand, ServerState } from "./dev-servers.ts";
import { prepareDatabase, type RolePasswords, type Servers, signInEnvironment } from "./roles.ts";
import { defaultSignUp } from "./sign-up.ts";
import { type ServerStates, spawnSupervisor } from "./supervisor.ts";

export type Kind = "auth" | "quota" | "qr" | "edge";

export interface ClusterOptions {
  dataDir: string;
  /** Directory of a fetched nats-server. */
  toolsDir: string;
  /** The first edge's port; the next edges follow. 0 is any free one for each. */
  port: number;
  /** The address of this machine on which edges listen; by default loopback. */
  host?: string | undefined;
  /** Base of short URLs; empty for the first edge. */
  shortUrlBase?: string;
  /** Public URL of the first edge; empty for the edge itself. */
  publicUrl?: string;
  replicas: Record<Kind, number>;
  /** URLs of servers that run already; empty for the embedded ones. */
  databaseUrl: string;
  natsUrl: string;
  /** Passwords for those URLs where they hold none. */
  databasePassword?: string;
  natsPassword?: string;
  /** Passwords of the services' roles at `databaseUrl`; a service without one signs in as the user of the URL. */
  rolePasswords?: RolePasswords;
  /** Settings for services of a kind, besides those that the launcher gives. */
  env?: Partial<Record<Kind, Record<string, string>>>;
  /** Whether a service that ends unexpectedly is restarted. */
  restart: boolean;
  /** Prints one line of progress. */
  report(text: string): void;
  /** Called when the cluster has stopped by itself because Postgres and NATS are lost. */
  onLost?(): void;
}

export interface Member {
  kind: Kind;
  name: string;
  address: string;
  /** Address of its metrics, `host:port`. */
  metrics: string;
  /** Address at which an edge serves `qrforge.api.v1` over gRPC, `host:port`. */
  rpc?: string;
  child: ChildProcess;
  /** Settings for this member only, from its next start on. */
  env?: Record<string, string>;
}

export interface Cluster {
  members(kind: Kind): Member[];
  /** URLs of the edges, `http://host:port`. */
  edgeUrls(): string[];
  /** Base of short URLs. */
  shortUrlBase: string;
  /** Who may create an account: SIGN_UP of auth. */
  signUp: string;
  /** Public URL of the dashboard and the API. */
  publicUrl: string;
  /** Returns which embedded servers run now. */
  servers(): ServerStates;
  databaseUrl: string;
  /** Stops or starts an embedded server and waits until it is done. */
  command(command: DevServersCommand): Promise<void>;
  /** Restarts a member that has ended, at its old address. */
  restart(member: Member): Promise<void>;
  /** Drains and ends everything. */
  stop(): Promise<void>;
}

const startMaxMs = 30_000;
const endMaxMs = 15_000;
const restartMs = 500;
const restartMaxMs = 10_000;

/** Starts the whole cluster on this machine and lists it in `run.json`. Throws a UserError that says what to fix. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { dataDir, report } = options;
  const host = options.host ?? "127.0.0.1";
  const edgePorts = await claimPorts(host, options.port, options.replicas.edge);
  // auth is given qr's addresses when it starts, which is when qr starts.
  const qrPorts = await claimPorts("127.0.0.1", 0, options.replicas.qr, edgePorts);
  const qrAddresses = qrPorts.map((port) => `127.0.0.1:${port}`);
  await claimDataDir(dataDir, report);
  const logs = path.join(dataDir, "logs");
  await mkdir(logs, { recursive: true, mode: 0o700 });

  const members: Member[] = [];
  /** Every service process started and not seen to end, also one that is still starting. */
  const running = new Set<ChildProcess>();
  let stopping = false;
  const logFile = path.join(logs, "dev-servers.log");
  const supervisor = spawnSupervisor({
    request: { dataDir, toolsDir: options.toolsDir, postgres: !options.databaseUrl, nats: !options.natsUrl },
    logFile,
    report,
    onChange: () => void (members.length > 0 && list()),
    onExit(code) {
      if (stopping) return;
      report(`the supervisor of Postgres and NATS ended (code ${code}); stopping. See ${logFile}`);
      void stop().then(options.onLost);
    },
  });
  const databaseUrl = () => options.databaseUrl || (supervisor.state().postgres as ServerState).url;
  const ownUrl = `http://${host === "127.0.0.1" ? "localhost" : host}:${edgePorts[0]}`;
  const shortUrlBase = options.shortUrlBase || ownUrl;
  const publicUrl = options.publicUrl || ownUrl;
  const edgeUrls = edgePorts.map((port) => `http://${host}:${port}`);
  const shortUrlAliases = [process.env.SHORT_URL_ALIASES, publicUrl, ...edgeUrls].filter(Boolean).join(",");
  const signUp = process.env.SIGN_UP || defaultSignUp([ownUrl, shortUrlBase, publicUrl]);

  let rolePasswords: RolePasswords = {};
  const databasePassword = options.databasePassword ?? "";

  function servers(): Servers {
    const { nats } = supervisor.state();
    return {
      databaseUrl: databaseUrl(),
      databasePassword,
      rolePasswords,
      natsUrl: options.natsUrl || (nats ? stripCredentials(nats.url) : ""),
      natsPassword: options.natsPassword ?? "",
      natsPasswords: nats?.passwords,
    };
  }

  function environment(kind: Kind): NodeJS.ProcessEnv {
    const addresses = (of: Kind) => addressList(members.filter((member) => member.kind === of));
    return {
      ...process.env,
      NODE_COMPILE_CACHE: path.join(root, ".qrforge", "compile-cache"),
      METRICS_LISTEN_ADDRESS: "127.0.0.1:0",
      RPC_LISTEN_ADDRESS: "127.0.0.1:0",
      SHORT_URL_BASE: shortUrlBase,
      SIGN_UP: signUp,
      // Only auth sends mail.
      ...(kind === "auth" ? { PUBLIC_URL: publicUrl } : { SMTP_URL: "", SMTP_URL_FILE: "" }),
      ...signInEnvironment(kind, servers()),
      ...(kind === "qr" && { SHORT_URL_ALIASES: shortUrlAliases }),
      ...(kind === "auth" && { QR_ADDRESS: qrAddresses.join(",") }),
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
    await withProgress(name, report, launch(member));
    report(`${name}: ready`);
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
    report(`${member.name} ended unexpectedly; starting it again`);
    for (let delayMs = restartMs; !stopping; delayMs = Math.min(2 * delayMs, restartMaxMs)) {
      await sleep(delayMs);
      if (stopping) return;
      try {
        await launch(member);
        await list();
        report(`${member.name}: ready`);
        return;
      } catch (error) {
        report((error as Error).message);
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
    const { nats } = supervisor.state();
    const content: RunFile = {
      launcher: { pid: process.pid },
      publicUrl,
      edges: of("edge").map(({ address, ...edge }) => ({ url: `http://${address}`, ...edge })),
      auth: of("auth").map(inner),
      quota: of("quota").map(inner),
      qr: of("qr").map(inner),
      postgres: supervisor.state().postgres ?? { url: options.databaseUrl, pid: null },
      nats: nats ? { url: nats.url, pid: nats.pid } : options.natsUrl ? { url: options.natsUrl, pid: null } : null,
    };
    await writeRunFile(dataDir, content);
  }

  async function stop(): Promise<void> {
    stopping = true;
    // Callers are stopped before the services that they call, so that requests in flight can finish.
    await Promise.all(members.filter(({ kind }) => kind === "edge").map(({ child }) => endChild(child, endMaxMs)));
    await Promise.all([...running].map((child) => endChild(child, endMaxMs)));
    await endChild(supervisor.child, endMaxMs);
    // Only a supervisor that was killed leaves its servers behind.
    for (const server of Object.values(supervisor.state()) as (ServerState | null)[]) {
      if (server && isAlive(server.pid)) process.kill(server.pid, "SIGINT");
    }
    await removeRunFile(dataDir);
    await releaseDataDir(dataDir);
  }

  try {
    // While the servers start.
    await withProgress("dashboard", report, buildDashboard(report));
    await withProgress("Postgres and NATS", report, supervisor.started);
    if (Object.values(options.replicas).some((count) => count > 0)) {
      const isEmbedded = !options.databaseUrl;
      const wanted = options.rolePasswords ?? {};
      const database = { databaseUrl: databaseUrl(), databasePassword, isEmbedded, rolePasswords: wanted, report };
      rolePasswords = await withProgress("tables", report, prepareDatabase(database));
    }
    const backends = (["auth", "quota", "qr"] as const).flatMap((kind) =>
      Array.from({ length: options.replicas[kind] }, (_, index) =>
        startMember(kind, index, (kind === "qr" && qrAddresses[index]) || "127.0.0.1:0"),
      ),
    );
    members.push(...(await Promise.all(backends)));
    const edges = edgePorts.map((port, index) => startMember("edge", index, `${host}:${port}`));
    members.push(...(await Promise.all(edges)));
    await list();
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    members: (kind) => members.filter((member) => member.kind === kind),
    edgeUrls: () => members.filter(({ kind }) => kind === "edge").map(({ address }) => `http://${address}`),
    shortUrlBase,
    signUp,
    publicUrl,
    servers: supervisor.state,
    databaseUrl: databaseUrl(),
    command: supervisor.command,
    async restart(member) {
      if (!hasEnded(member.child)) throw new Error(`${member.name} still runs`);
      await launch(member);
      await list();
    },
    stop,
  };
}

function stripCredentials(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}

function addressList(members: Member[]): string {
  return members.map((member) => member.address).join(",");
}

/** Addresses that a service reports when it is ready: its own, and that of its metrics. */
interface Announced {
  ready: string;
  metrics: string;
  rpc?: string;
}

/** Waits until a service reports its address. */
function announced(child: ChildProcess, name: string, logFile: string): Promise<Announced> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new UserError(`${name} did not start within ${startMaxMs / 1000} s; see ${logFile}`));
    }, startMaxMs);
    child.on("message", (message: Announced) => {
      clearTimeout(timer);
      resolve(message);
    });
    child.once("exit", async (code) => {
      clearTimeout(timer);
      const last = await lastWords(logFile);
      reject(new UserError(`${name} ended while starting (code ${code}): ${last}. See ${logFile}`));
    });
  });
}

/** Returns the last log lines of a process, reduced to the fields that are useful to people. */
async function lastWords(logFile: string): Promise<string> {
  const last = (await readFile(logFile, "utf8").catch(() => "")).trim().split("\n").at(-1) ?? "";
  try {
    const { msg, error } = JSON.parse(last) as { msg?: string; error?: { message?: string } };
    return [msg, error?.message].filter(Boolean).join(": ") || last;
  } catch {
    return last;
  }
}
