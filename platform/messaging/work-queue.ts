import {
  AckPolicy,
  type Consumer,
  DiscardPolicy,
  type JetStreamManager,
  type JsMsg,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
} from "nats";
import { ServiceError } from "../errors.ts";
import type { Clock } from "../process/clock.ts";
import type { Closer } from "../process/closer.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Bus } from "./bus.ts";
import type { Queue } from "./queue.ts";

/** Maximum size of a queue, in bytes; further messages are rejected. */
const bytesMax = 256 * 1_048_576;

const duplicateWindowMs = 120_000;
const setUpTimeoutMs = 2_000;
/** Redelivery delay after a consumer dies (JetStream `ack_wait`), in ms. */
const ackWaitMs = 5_000;
const nakDelayMs = 500;
const fetchMs = 1_000;
const pauseMs = 500;
/** Pause of a publisher after a failure, in ms. */
const publishPauseMs = 2_000;

/** Opens the manager without asking for facts about the account, which services may not. */
const openManager = (connection: NatsConnection) =>
  connection.jetstreamManager({ timeout: setUpTimeoutMs, checkAPI: false });

/** Adds the queue's stream, or gives it the settings of this version if it exists with others. */
async function ensureStream(manager: JetStreamManager, queue: Queue, replicas: number): Promise<void> {
  const config = {
    name: queue.stream,
    subjects: [queue.subject],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_bytes: bytesMax,
    duplicate_window: nanos(duplicateWindowMs),
    num_replicas: replicas,
  };
  await manager.streams.add(config).catch((error) => {
    if (errorCodeOf(error) !== streamDiffers) throw error;
    return manager.streams.update(queue.stream, config);
  });
}

/** JetStream's error codes: https://github.com/nats-io/nats-server/blob/main/server/errors.json */
const streamDiffers = 10_058;
const streamNotFound = 10_059;
const consumerDiffers = 10_148;

/** Returns JetStream's code of an error, or undefined if the error is not an answer of JetStream. */
function errorCodeOf(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

/** State of a queue, for operators. */
export interface QueueState {
  messages: number;
  bytes: number;
  /** Configured number of servers that keep each message, and the number of servers that are up to date. */
  replicas: number;
  replicasCurrent: number;
}

/** Returns the state of a queue; undefined if it does not exist. Rejects if the server has no JetStream. */
export async function inspectQueue(connection: NatsConnection, queue: Queue): Promise<QueueState | undefined> {
  const manager = await openManager(connection);
  const info = await manager.streams.info(queue.stream).catch((error) => {
    if (errorCodeOf(error) === streamNotFound) return undefined;
    throw error;
  });
  if (!info) return undefined;
  const { state, config, cluster } = info;
  const followers = cluster?.replicas?.filter(({ current, offline }) => current && !offline).length ?? 0;
  return {
    messages: state.messages,
    bytes: state.bytes,
    replicas: config.num_replicas,
    replicasCurrent: (cluster && !cluster.leader ? 0 : 1) + followers,
  };
}

/** Publishes messages to a queue. */
export interface Publisher {
  /** Resolves once the message is on disk. Rejects with UNAVAILABLE if it is not or may not be; retry with the same id. */
  publish(id: string, data: Uint8Array, options: { timeoutMs: number }): Promise<void>;
}

/** Opens a publisher. The stream is made by its consumer; until it exists, publishing rejects. */
export function openPublisher(options: { bus: Bus; queue: Queue }): Publisher {
  const { bus, queue } = options;
  /** End of the pause after a failure, on the monotonic clock. */
  let pausedUntil = 0;
  return {
    async publish(id, data, { timeoutMs }) {
      const connection = performance.now() < pausedUntil ? undefined : bus.connection();
      if (!connection)
        throw new ServiceError("UNAVAILABLE", undefined, { cause: new Error("no NATS"), retryAfterS: 1 });
      try {
        await connection.jetstream().publish(queue.subject, data, { msgID: id, timeout: timeoutMs });
      } catch (error) {
        pausedUntil = performance.now() + publishPauseMs;
        throw new ServiceError("UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 });
      }
    },
  };
}

/** Outcome of a message: `ack` removes it, `nak` redelivers it, `term` removes it because it can never be handled. */
export type Handled = "ack" | "nak" | "term";

/** Creates the stream if necessary and consumes its messages, one at a time, until closed. Waits while there is no connection. */
export function openConsumer(options: {
  bus: Bus;
  queue: Queue;
  replicas: number;
  /** Name of the consumer; consumers of one name share the messages. */
  durable: string;
  handle(data: Uint8Array): Promise<Handled>;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  const { bus, queue, durable, clock, log } = options;
  let known: NatsConnection | undefined;
  let consumer: Consumer | undefined;

  async function consumerOn(connection: NatsConnection): Promise<Consumer> {
    if (known === connection && consumer) return consumer;
    const manager = await openManager(connection);
    await ensureStream(manager, queue, options.replicas);
    const config = { durable_name: durable, ack_policy: AckPolicy.Explicit, ack_wait: nanos(ackWaitMs) };
    await manager.consumers.add(queue.stream, config).catch((error) => {
      if (errorCodeOf(error) !== consumerDiffers) throw error;
      return manager.consumers.update(queue.stream, durable, config);
    });
    consumer = await connection.jetstream().consumers.get(queue.stream, durable);
    known = connection;
    return consumer;
  }

  async function consume(message: JsMsg): Promise<void> {
    const handled = await options.handle(message.data);
    if (handled === "ack") message.ack();
    else if (handled === "term") message.term();
    else message.nak(nakDelayMs);
  }

  async function run(closing: AbortSignal): Promise<void> {
    let isLogged = false;
    while (!closing.aborted) {
      const connection = bus.connection();
      try {
        if (!connection) {
          await clock.sleep(pauseMs, closing);
          continue;
        }
        const message = await (await consumerOn(connection)).next({ expires: fetchMs });
        if (message) await consume(message);
        isLogged = false;
      } catch (error) {
        known = undefined;
        if (!isLogged) log.warn({ error, stream: queue.stream }, "the queue cannot be read; retrying");
        isLogged = true;
        await clock.sleep(pauseMs, closing);
      }
    }
  }
  options.closer.loop(`consumer of ${queue.stream}`, run);
}
