import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below the range from which systems hand out ports by themselves, so that no connection takes one before it is used. */
const from = 20_000;
const below = 32_000;
const attempts = 100;

/** Resolves if a port of an address of this machine can be listened on; rejects if it is taken. */
export function probePort(port: number, host = "127.0.0.1"): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, host, () => server.close(() => resolve(port)));
  });
}

/** Returns a free port of an address of this machine, and none of `except`. */
export async function freePort(host = "127.0.0.1", except: number[] = []): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(from, below);
    if (except.includes(port)) continue;
    try {
      return await probePort(port, host);
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}
