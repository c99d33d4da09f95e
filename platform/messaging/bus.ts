import { type ConnectionOptions, connect, type NatsConnection, type Subscription } from "nats";
import { withTimeout } from "../concurrency/timeout.ts";
import { systemClock } from "../process/clock.ts";
import { expectFirstByte } from "../process/first-byte.ts";
import type { Logger } from "../telemetry/log.ts";
import { inboxOf, type NatsClient, natsUserOf } from "./users.ts";

/**
 * Publish/subscribe without delivery guarantee: messages reach the current subscribers and may get lost. Correctness must
 * not depend on them.
 */
export interface Bus {
  /** Sends to all subscribers of a subject. Drops the message while disconnected. */
  publish(subject: string, data: Uint8Array): void;
  /** Calls the handler for each message, across reconnections, until the bus closes. */
  subscribe(subject: string, handler: (data: Uint8Array) => void): void;
  /** Returns the connection; undefined while disconnected. */
  connection(): NatsConnection | undefined;
  /** Sends buffered messages and disconnects. */
  close(): Promise<void>;
}

/** Pause before reconnecting after the client has given up, in ms. */
const retryMs = 2_000;
/** Timeout of the last messages of a closing bus, in ms. */
const drainTimeoutMs = 500;

/** Who connects where. */
export interface BusAddress {
  /** `nats://user:password@host:port,host:port`; empty for no NATS. */
  url: string;
  /** The process that connects: it names the connection, its reply subjects, and its user where the URL has none. */
  client: NatsClient;
  /** Password of the client's own user, where the URL holds no credentials. */
  password: string;
}

const defaultPort = 4222;

/** Returns the hosts of a URL, with their ports where it has them. */
function hostsOf(url: string): string[] {
  return (/^\w+:\/\/(?:[^@/]*@)?([^/]*)/.exec(url)?.[1] ?? "").split(",");
}

/** Returns the options of the NATS library, which ignores all but hosts in URLs. */
function connectOptions({ url, client, password }: BusAddress): ConnectionOptions {
  const [, scheme, credentials] = /^(\w+):\/\/(?:([^@/]*)@)?/.exec(url) ?? [];
  const [user, pass] = (credentials ?? "").split(":").map(decodeURIComponent);
  return {
    servers: hostsOf(url),
    name: `qrforge-${client}`,
    inboxPrefix: inboxOf(client),
    ...(password && { user: natsUserOf(client), pass: password }),
    ...(user && { user, pass: pass ?? password }),
    // With `nats:`, TLS is used if the server offers it.
    ...(scheme === "tls" && { tls: {} }),
  };
}

/** Creates a bus on NATS, which connects and reconnects in the background. With an empty URL it never connects. */
export function createBus(options: BusAddress & { log: Logger }): Bus {
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
          log.warn({ error: cause, subject }, "bus message could not be handled");
        }
      },
    });
  }

  async function stayConnected(): Promise<void> {
    while (!closed) {
      try {
        await connectOnce();
      } catch (error) {
        log.error({ error }, "bus connection failed; retrying");
      }
      up = false;
      if (!closed) await systemClock.sleep(retryMs);
    }
  }

  /** Connects once. Resolves when the connection is closed. */
  async function connectOnce(): Promise<void> {
    const established = await connect({
      ...connectOptions(options),
      waitOnFirstConnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      timeout: 2_000,
      // Drops a connection that hangs after four seconds.
      pingInterval: 2_000,
      maxPingOut: 1,
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
  if (options.url) {
    expectFirstByte(hostsOf(options.url).map((host) => (/:\d+$/.test(host) ? host : `${host}:${defaultPort}`)));
    void stayConnected();
  }

  return {
    publish(subject, data) {
      try {
        if (up) connection?.publish(subject, data);
      } catch (error) {
        // Messages may get lost, and a caller that has committed its change must continue.
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
      // A server that hangs does not acknowledge that it has everything.
      await withTimeout(connection?.drain() ?? Promise.resolve(), drainTimeoutMs).catch((error) => {
        log.warn({ error }, "bus messages may not have been sent");
        return connection?.close();
      });
    },
  };
}

/** Connects to NATS once and returns whether it has JetStream. Rejects with the client's error. */
export async function inspectBus(address: BusAddress, timeoutMs: number): Promise<{ hasJetStream: boolean }> {
  const connection = await connect({ ...connectOptions(address), reconnect: false, timeout: timeoutMs });
  const hasJetStream = connection.info?.jetstream ?? false;
  await connection.close();
  return { hasJetStream };
}
