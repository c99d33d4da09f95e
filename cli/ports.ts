import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below the range from which systems hand out ports by themselves, so that no connection takes one before it is used. */
const from = 20_000;
const below = 32_000;
const attempts = 100;

/** Resolves if a port on loopback can be listened on; rejects if it is taken. */
export function probePort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
  });
}

/** A free port on loopback. */
export async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await probePort(randomInt(from, below));
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}
