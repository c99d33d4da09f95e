import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, writeFile } from "node:fs/promises";
import path from "node:path";
import { connect } from "nats";
import { findNatsServer } from "../../dev/nats.ts";
import { freePort } from "../../dev/ports.ts";
import { root } from "../support/run.ts";

export interface Node {
  name: string;
  url: string;
  child: ChildProcess;
  start(): Promise<void>;
  kill(): Promise<void>;
}

export interface NatsCluster {
  nodes: Node[];
  /** All nodes in one URL. */
  url: string;
  /** The node that leads a stream. */
  leaderOf(stream: string): Promise<Node>;
  /** How many servers have all of a stream at this moment. */
  currentReplicas(stream: string): Promise<number>;
  stop(): Promise<void>;
}

const readyMaxMs = 30_000;

/** Three servers with JetStream that know one another; a string that says why where there is no nats-server. */
export async function startNatsCluster(folder: string): Promise<NatsCluster | string> {
  const found = await findNatsServer(path.join(root, ".qrforge", "tools"), () => {});
  if ("missing" in found) return found.missing;
  const ports = [];
  for (let node = 0; node < 3; node++) ports.push({ client: await freePort(), cluster: await freePort() });
  const routes = ports.map(({ cluster }) => `nats://127.0.0.1:${cluster}`);
  const nodes = await Promise.all(
    ports.map(async ({ client, cluster }, index) => {
      const name = `nats-${index + 1}`;
      const own = path.join(folder, name);
      await mkdir(own, { recursive: true });
      const config = path.join(own, "nats.json");
      await writeFile(
        config,
        JSON.stringify({
          server_name: name,
          listen: `127.0.0.1:${client}`,
          jetstream: { store_dir: own },
          cluster: { name: "qrforge", listen: `127.0.0.1:${cluster}`, routes },
        }),
      );
      const node: Node = {
        name,
        url: `nats://127.0.0.1:${client}`,
        child: undefined as unknown as ChildProcess,
        async start() {
          const log = await open(path.join(own, "nats.log"), "a");
          node.child = spawn(found.binary, ["-c", config], { stdio: ["ignore", log.fd, log.fd] });
          node.child.once("spawn", () => void log.close());
        },
        async kill() {
          if (node.child.exitCode !== null || node.child.signalCode !== null) return;
          const exit = once(node.child, "exit");
          node.child.kill("SIGKILL");
          await exit;
        },
      };
      await node.start();
      return node;
    }),
  );
  const servers = ports.map(({ client }) => `127.0.0.1:${client}`);
  /** Asks again until there is an answer: who leads is agreed on first. */
  async function ask<T>(
    question: (manager: Awaited<ReturnType<Connection["jetstreamManager"]>>) => Promise<T>,
  ): Promise<T> {
    const end = performance.now() + readyMaxMs;
    for (;;) {
      try {
        const connection = await connect({ servers, timeout: 2_000 });
        try {
          return await question(await connection.jetstreamManager({ timeout: 2_000 }));
        } finally {
          await connection.close();
        }
      } catch (error) {
        if (performance.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
  await ask((manager) => manager.getAccountInfo());
  return {
    nodes,
    url: `nats://${servers.join(",")}`,
    leaderOf: (stream) =>
      ask(async (manager) => {
        const { cluster } = await manager.streams.info(stream);
        const leader = nodes.find(({ name }) => name === cluster?.leader);
        if (!leader) throw new Error(`${stream} has no leader`);
        return leader;
      }),
    currentReplicas: (stream) =>
      ask(async (manager) => {
        const { cluster } = await manager.streams.info(stream);
        if (!cluster?.leader) throw new Error(`${stream} has no leader`);
        return 1 + (cluster.replicas ?? []).filter(({ current, offline }) => current && !offline).length;
      }),
    async stop() {
      await Promise.all(nodes.map((node) => node.kill()));
    },
  };
}

type Connection = Awaited<ReturnType<typeof connect>>;
