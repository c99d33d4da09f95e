import { type ConnectionOptions, connect, type NatsConnection, type Subscription } from "nats";
import { systemClock } from "../process/clock.ts";
import type { Logger } from "../telemetry/log.ts";

/**
 * Messages to whoever listens now: fast, and allowed to get lost. Nothing may depend on a message arriving.
 */
export interface Bus {
  /** Sends to all subscribers of a subject; does nothing while there is no connection. */
  publish(subject: string, data: Uint8Array): void;
  /** Calls the handler for each message from now on, across reconnections, until the bus closes. */
  subscribe(subject: string, handler: (data: Uint8Array) => void): void;
  /** The connection, while there is one. */
  connection(): NatsConnection | undefined;
  /** Sends what is buffered and disconnects. */
  close(): Promise<void>;
}

/** How long to wait after a connection was closed for good, in ms. */
const retryMs = 2_000;

/** What the driver wants of `nats://user:password@host:port,host:port`: it overlooks all but hosts in its own URLs. */
function serversOf(url: string): Pick<ConnectionOptions, "servers" | "user" | "pass" | "tls"> {
  const [, scheme, credentials, hosts = ""] = /^(\w+):\/\/(?:([^@/]*)@)?([^/]*)/.exec(url) ?? [];
  const [user, pass] = (credentials ?? "").split(":").map(decodeURIComponent);
  return {
    servers: hosts.split(","),
    ...(user && { user, pass }),
    // Else TLS is spoken if the server offers it.
    ...(scheme === "tls" && { tls: {} }),
  };
}

/** A bus on NATS. It connects in the background and again after each loss; an empty URL makes a bus without a server. */
export function createBus(options: { url: string; name: string; log: Logger }): Bus {
  const { log } = options;
  const handlers: [string, (data: Uint8Array) => void][] = [];
  let connection: NatsConnection | undefined;
  let up = false;
  let closed = false;

  function listen(to: NatsConnection, subject: string, handler: (data: Uint8Array) => void): Subscription {
    return to.subscribe(subject, {
      callback(error, message) {
        if (error) {
          log.warn({ error, subject }, "bus subscription failed");
          return;
        }
        try {
          handler(message.data);
        } catch (cause) {
          log.warn({ error: cause, subject }, "bus message was not understood");
        }
      },
    });
  }

  async function stayConnected(): Promise<void> {
    while (!closed) {
      try {
        await connectOnce();
      } catch (error) {
        log.error({ error }, "bus is out of order");
      }
      up = false;
      if (!closed) await systemClock.sleep(retryMs);
    }
  }

  /** Connects, and resolves when the connection is closed for good. */
  async function connectOnce(): Promise<void> {
    const established = await connect({
      ...serversOf(options.url),
      name: options.name,
      waitOnFirstConnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      timeout: 2_000,
      pingInterval: 10_000,
    });
    if (closed) {
      await established.close();
      return;
    }
    connection = established;
    up = true;
    log.info("bus connected");
    for (const [subject, handler] of handlers) listen(established, subject, handler);
    for await (const event of established.status()) {
      if (event.type === "disconnect") up = false;
      if (event.type === "reconnect") up = true;
      if (event.type === "disconnect" || event.type === "reconnect") log.warn(`bus ${event.type}ed`);
    }
  }
  if (options.url) void stayConnected();

  return {
    publish(subject, data) {
      try {
        if (up) connection?.publish(subject, data);
      } catch (error) {
        // Messages may get lost, and a caller that has committed its change must go on.
        log.warn({ error, subject }, "bus message was not sent");
      }
    },
    subscribe(subject, handler) {
      handlers.push([subject, handler]);
      if (connection) listen(connection, subject, handler);
    },
    connection: () => (up ? connection : undefined),
    async close() {
      closed = true;
      up = false;
      await connection?.drain();
    },
  };
}

/** Connects to NATS once and asks whether it has JetStream. Rejects with the driver's error. */
export async function inspectBus(url: string, timeoutMs: number): Promise<{ hasJetStream: boolean }> {
  const connection = await connect({ ...serversOf(url), reconnect: false, timeout: timeoutMs });
  const hasJetStream = connection.info?.jetstream ?? false;
  await connection.close();
  return { hasJetStream };
}
