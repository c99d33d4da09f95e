import { createServer } from "node:net";

/** Whether a port on loopback can be listened on; with port 0, a free one. Rejects if the port is taken. */
export function probePort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address() as { port: number };
      server.close(() => resolve(address.port));
    });
  });
}

export const freePort = () => probePort(0);
