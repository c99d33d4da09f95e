import { subscribe } from "node:diagnostics_channel";
import { Socket } from "node:net";

/** The longest time from the opening of a connection to the first byte from its other end, in ms. */
const firstByteTimeoutMs = 2_000;
const ports = new Set<number>();

/**
 * Destroys, from now on, each connection of this process to the ports of these servers (`host:port`) on which nothing arrives within
 * the time above. For clients that wait without end for a server's first frame, or leave the socket behind when they
 * give up: those of gRPC and NATS. Their servers send at once.
 */
export function expectFirstByte(servers: string[]): void {
  if (ports.size === 0) subscribe("net.client.socket", watch);
  for (const server of servers) ports.add(Number(server.slice(server.lastIndexOf(":") + 1)));
}

function watch(message: unknown): void {
  if (typeof message !== "object" || !message || !("socket" in message)) return;
  const { socket } = message;
  if (!(socket instanceof Socket)) return;
  socket.once("connectionAttempt", (_address: string, port: number) => {
    if (!ports.has(port)) return;
    // A process that stood still reads first what has come meanwhile.
    const timer = setTimeout(() => setImmediate(() => destroyIfSilent(socket)), firstByteTimeoutMs).unref();
    socket.once("close", () => clearTimeout(timer));
  });
}

function destroyIfSilent(socket: Socket): void {
  if (socket.bytesRead > 0 || socket.destroyed) return;
  socket.destroy(Object.assign(new Error("the server sent nothing"), { code: "ETIMEDOUT" }));
}
