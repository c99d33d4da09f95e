import { once } from "node:events";
import { type AddressInfo, createServer, connect as open, type Socket } from "node:net";

/** A way to a server that forwards so many bytes of either direction, and then no more of anything, without closing. */
export interface SilentProxy {
  port: number;
  /** Resolves when it has gone silent. */
  silent: Promise<void>;
  close(): Promise<void>;
}

export async function startSilentProxy(to: { host: string; port: number }, bytesMax: number): Promise<SilentProxy> {
  const sockets = new Set<Socket>();
  const silent = Promise.withResolvers<void>();
  let bytes = 0;
  const forward = (from: Socket, into: Socket) => {
    sockets.add(from);
    from.on("error", () => into.destroy());
    from.on("close", () => into.destroy());
    from.on("data", (chunk) => {
      bytes += chunk.length;
      if (bytes > bytesMax) return silent.resolve();
      if (into.write(chunk)) return;
      from.pause();
      into.once("drain", () => from.resume());
    });
  };
  const server = createServer((client) => {
    const upstream = open(to);
    forward(client, upstream);
    forward(upstream, client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    silent: silent.promise,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
