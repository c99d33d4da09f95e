import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** The longest time from the opening of a connection to the first byte from its other end, in ms. */
const firstByteTimeoutMs = 2_000;

/**
 * Destroys each connection of this process to a server that sends nothing within the time above. The clients of gRPC and
 * NATS wait for the server's first frame without end, or leave the socket behind when they give up. In the protocols that
 * services speak, the server sends at once.
 */
export function destroySilentPeers({ timeoutMs = firstByteTimeoutMs } = {}): void {
  subscribe("net.client.socket", (message) => {
    const { socket } = message as { socket: Socket };
    const timer = setTimeout(() => {
      // A process that stood still reads first what has come meanwhile.
      setImmediate(() => {
        if (socket.bytesRead > 0 || socket.destroyed) return;
        socket.destroy(Object.assign(new Error("the server sent nothing"), { code: "ETIMEDOUT" }));
      });
    }, timeoutMs).unref();
    socket.once("close", () => clearTimeout(timer));
  });
}
