import { once } from "node:events";
import { type AddressInfo, createServer, connect as open, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Address {
  host: string;
  port: number;
}

/** A way to a server on which everything can go wrong. */
export interface FaultyLink {
  port: number;
  /** Sets where it leads. Until then connections are closed at once. */
  leadTo(address: Address): void;
  /** From now on the open connections take bytes and pass none on; with `all`, so do those that are opened later. */
  silence(options?: { all: boolean }): void;
  /** Does the same once so many bytes have passed in either direction. Resolves when it has. */
  silenceAfter(bytes: number): Promise<void>;
  /** Lets later connections work again. Those that are silent stay so. */
  heal(): void;
  /** Closes the open connections on the server's side; the client is told nothing. */
  halfOpen(): void;
  /** Resets the open connections. */
  reset(): void;
  /** Delays each packet, in ms. */
  delay(ms: number): void;
  close(): Promise<void>;
}

interface Pair {
  client: Socket;
  server: Socket;
  isSilent: boolean;
}

export async function startFaultyLink(): Promise<FaultyLink> {
  const pairs = new Set<Pair>();
  let to: Address | undefined;
  let allSilent = false;
  let delayMs = 0;
  let bytesLeft = Number.POSITIVE_INFINITY;
  const silenced = Promise.withResolvers<void>();

  function silence(all: boolean): void {
    allSilent = all;
    for (const pair of pairs) pair.isSilent = true;
  }

  function forward(pair: Pair, from: Socket, into: Socket): void {
    let last = Promise.resolve();
    from.on("data", (chunk) => {
      if (pair.isSilent) return;
      bytesLeft -= chunk.length;
      if (bytesLeft < 0) {
        silence(true);
        silenced.resolve();
        return;
      }
      if (delayMs === 0) {
        if (into.write(chunk)) return;
        from.pause();
        into.once("drain", () => from.resume());
        return;
      }
      last = last.then(() => sleep(delayMs)).then(() => void (pair.isSilent || into.destroyed || into.write(chunk)));
    });
    from.on("error", () => {});
    from.on("close", () => {
      if (!pair.isSilent) into.destroy();
      if (pair.client.destroyed) pair.server.destroy();
      if (pair.client.destroyed) pairs.delete(pair);
    });
  }

  const listener = createServer((client) => {
    if (!to) return void client.destroy();
    const pair: Pair = { client, server: open(to), isSilent: allSilent };
    pairs.add(pair);
    forward(pair, client, pair.server);
    forward(pair, pair.server, client);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    leadTo(address) {
      to = address;
    },
    silence: ({ all } = { all: false }) => silence(all),
    silenceAfter(bytes) {
      bytesLeft = bytes;
      return silenced.promise;
    },
    heal() {
      allSilent = false;
    },
    halfOpen() {
      for (const pair of pairs) {
        pair.isSilent = true;
        pair.server.destroy();
      }
    },
    reset() {
      for (const { client, server } of pairs) {
        client.resetAndDestroy();
        server.destroy();
      }
    },
    delay(ms) {
      delayMs = ms;
    },
    async close() {
      listener.close();
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      await once(listener, "close");
    },
  };
}
