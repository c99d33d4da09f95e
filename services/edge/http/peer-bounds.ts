import type { Server, Socket } from "node:net";
import { createSemaphore } from "../../../platform/concurrency/semaphore.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { siteKey } from "../../../platform/rate-limit-key.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { type Origin, readAddress, readPeers } from "./client-address.ts";
import { rejectRequest } from "./errors.ts";
import type { Handle, RawRequest } from "./exchange.ts";
import { requestIdOf } from "./request-id.ts";
import type { AddressList } from "./trusted-proxies.ts";

/** Bounds on what clients hold by sending and reading, in all; one address, or IPv6 /48, can hold half at most. */
export interface PeerBounds {
  /** Reads the peer of each connection, and destroys connections beyond the bound. */
  boundConnections(server: Pick<Server, "on">): void;
  /**
   * Answers 503 to requests beyond the bound. A request counts from its head to the end of its answer. Ends the connection
   * of a request whose handler throws.
   */
  boundRequests(handle: Handle): Handle;
}

export function createPeerBounds(options: {
  connectionsMax: number;
  openRequestsMax: number;
  trustedProxies: AddressList;
  originOf(request: RawRequest): Origin;
  newRequestId(): string;
  metrics: Metrics;
  log: Logger;
}): PeerBounds {
  const { metrics, trustedProxies, log } = options;
  const half = (max: number) => () => Math.ceil(max / 2);
  const connections = createSemaphore({ max: options.connectionsMax, keyMax: half(options.connectionsMax) });
  const requests = createSemaphore({ max: options.openRequestsMax, keyMax: half(options.openRequestsMax) });
  metrics.gauge("connections_open", "connections from clients", () => connections.inUse());
  metrics.gauge("requests_open", "requests whose answer has not been sent to its end", () => requests.inUse());
  const refused = metrics.counter("peers_refused", "connections and requests refused because too many were open");
  let proxied = 0;

  return {
    boundConnections(server) {
      readPeers(server);
      server.on("connection", (socket: Socket) => {
        const address = readAddress(socket.remoteAddress ?? "") ?? "";
        // A proxy brings the connections of many.
        const key = trustedProxies(address) ? `proxied ${proxied++}` : siteKey(address);
        const slot = connections.tryAcquire(key);
        if (!slot) {
          refused({ kind: "connection" });
          socket.destroy();
          return;
        }
        socket.once("close", () => slot[Symbol.dispose]());
      });
    },
    boundRequests: (handle) => (request, response) => {
      const slot = requests.tryAcquire(siteKey(options.originOf(request).address));
      if (!slot) {
        refused({ kind: "request" });
        const message = "Too many requests are open. Read the answers, or try again shortly.";
        const error = new ServiceError("UNAVAILABLE", message, { retryAfterS: 1 });
        rejectRequest(response, error, { requestId: requestIdOf(request.headers, options.newRequestId) });
        return;
      }
      response.once("close", () => slot[Symbol.dispose]());
      try {
        handle(request, response);
      } catch (error) {
        // Whatever one request brings, the others are served: a bug costs its own connection alone.
        log.error({ error }, "a request could not be handled");
        request.socket.destroy();
      }
    },
  };
}
