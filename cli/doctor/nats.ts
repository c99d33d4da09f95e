import { createBus } from "../../platform/messaging/bus.ts";
import { natsClients, natsUserOf, scanQueue } from "../../platform/messaging/users.ts";
import { inspectQueue, type QueueState } from "../../platform/messaging/work-queue.ts";
import { systemClock } from "../../platform/process/clock.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { type Finding, good, warn, wrong } from "./finding.ts";

const area = "nats";
const connectMaxMs = 5_000;
const queueMaxMs = 3_000;
const queuePauseMs = 200;
const versionMin = "2.9.0";
const messagesMax = 1_000;

const isOlder = (one: string, than: string) => one.localeCompare(than, "en", { numeric: true }) < 0;

/** Checks NATS and its queue of scans. */
export async function checkNats(options: { url: string; password: string; replicas: number }): Promise<Finding[]> {
  if (options.url === "") {
    return [
      warn(
        area,
        "there is none",
        "Set NATS_URL: without it changes reach edges up to half a second later, and scans are kept in memory only.",
      ),
    ];
  }
  const bus = createBus({
    ...options,
    client: "operator",
    log: createLogger({ service: "doctor", level: "fatal" }),
  });
  try {
    const end = performance.now() + connectMaxMs;
    while (!bus.connection() && performance.now() < end) await systemClock.sleep(20);
    const connection = bus.connection();
    if (!connection?.info) {
      return [
        wrong(
          area,
          `no connection within ${connectMaxMs / 1_000} s`,
          "See whether it runs, and whether NATS_URL and its credentials are right.",
        ),
      ];
    }
    const { version, jetstream, auth_required: isGuarded } = connection.info;
    const found: Finding[] = [];
    if (!isGuarded) {
      const users = natsClients.map(natsUserOf).join(", ");
      found.push(
        warn(
          area,
          "it lets everybody in without a password",
          `Give it the users ${users}, each with its own subjects: docs/operations.md.`,
        ),
      );
    }
    if (isOlder(version, versionMin))
      found.push(warn(area, `nats-server ${version}`, `Upgrade to ${versionMin} or newer.`));
    if (!jetstream) {
      found.push(
        wrong(
          area,
          "it has no JetStream",
          "Start it with -js: without it scans are kept in memory only until qr takes them.",
        ),
      );
      return found;
    }
    if (options.replicas > 1 && !connection.info.cluster) {
      const text = `NATS_REPLICAS is ${options.replicas}, and this server is no part of a cluster: it cannot make the queue of scans`;
      found.push(wrong(area, text, `Set NATS_REPLICAS=1, or run a cluster of at least ${options.replicas} servers.`));
      return found;
    }
    const state = await findQueue(connection);
    if (!state) {
      found.push(
        wrong(
          area,
          "the queue of scans is not there, and scans are kept in memory only until qr takes them",
          `qr makes it at its start: its log says why it cannot. With NATS_REPLICAS=${options.replicas} it needs as many servers with JetStream.`,
        ),
      );
      return found;
    }
    if (state.replicas !== options.replicas) {
      const text = `scans are kept by ${state.replicas} servers, not ${options.replicas}`;
      found.push(
        warn(
          area,
          text,
          "Set NATS_REPLICAS alike for all services and for this; the queue follows at their next start.",
        ),
      );
    }
    if (state.replicasCurrent < state.replicas) {
      const text = `${state.replicasCurrent} of ${state.replicas} servers have all scans`;
      found.push(warn(area, text, "A server is down or catching up: nats stream report says which."));
    }
    if (state.messages > messagesMax) {
      const text = `${state.messages} batches of scans wait for qr`;
      found.push(
        warn(area, text, "Look whether qr runs and how its database does; nothing is lost as long as there is room."),
      );
    }
    if (found.length === 0)
      found.push(good(area, `nats-server ${version}, JetStream, ${state.messages} batches of scans waiting`));
    return found;
  } finally {
    await bus.close();
  }
}

/** Returns the state of the queue of scans; undefined if qr, which makes it at its start, has not done so for a while. */
async function findQueue(connection: Parameters<typeof inspectQueue>[0]): Promise<QueueState | undefined> {
  const end = performance.now() + queueMaxMs;
  for (;;) {
    const state = await inspectQueue(connection, scanQueue);
    if (state || performance.now() > end) return state;
    await systemClock.sleep(queuePauseMs);
  }
}
