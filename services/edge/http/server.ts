import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import type { Socket } from "node:net";
import type { Certificate } from "./certificate.ts";
import { type Handle, progressTimeoutMs, requestTimeoutMs } from "./exchange.ts";
import { boundSessions, http2Settings } from "./http2-bounds.ts";
import type { PeerBounds } from "./peer-bounds.ts";
import type { RequestGuard } from "./request-guard.ts";

/** Timeout for a request's head to arrive, in ms. */
const headersTimeoutMs = 10_000;
const checkMs = 2_000;
const idleMs = 72_000;
const halfTimeoutMs = progressTimeoutMs / 2;
/** Maximum number of pipelined requests on one connection; the connection ends after the last of them. */
const pipelinedMax = 100;

type Exchange = [request: IncomingMessage, response: ServerResponse];

/** The request of a connection that is in progress, and its pipelined requests. */
interface Connection {
  current: Exchange;
  waiting: Exchange[];
  isPaused: boolean;
  /** Responds to malformed data that follows the requests, and ends the connection. */
  reject?: () => void;
}

const connections = new WeakMap<Socket, Connection>();

/** Creates the edge's server: HTTP/1.1 in clear text; with a certificate HTTP/1.1 and HTTP/2 on one port. */
export function createHttpServer(options: {
  certificate: Certificate | undefined;
  bounds: PeerBounds;
  guard: RequestGuard;
  handle: Handle;
}): Server {
  const { certificate, bounds } = options;
  const handle = options.guard(options.handle);
  const inTurn = handleInTurn(handle);
  const times = { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, keepAliveTimeout: idleMs };
  const open = (): Server => {
    // The guard rejects a request without a Host header: Node's answer would be empty.
    const bare = { connectionsCheckingInterval: checkMs, requireHostHeader: false };
    if (!certificate) return createServer({ ...times, ...bare }, inTurn.handle).on("checkExpectation", inTurn.handle);
    // Node applies these to HTTP/1.1 connections here as well; its types do not declare it.
    const forHttp1 = { allowHTTP1: true, ...bare };
    const handleBoth: Handle = (request, response) =>
      request.httpVersionMajor === 1
        ? // Node uses separate classes for HTTP/1.1 requests here; its types do not declare it.
          inTurn.handle(request as IncomingMessage, response as ServerResponse)
        : handle(request, response);
    const forTls = { ...certificate, handshakeTimeout: headersTimeoutMs };
    const server = createSecureServer({ ...forTls, ...forHttp1, settings: http2Settings }, handleBoth);
    server.on("checkExpectation", handleBoth);
    boundSessions(server);
    // A TLS server that accepts HTTP/1.1 has every member of an HTTP server that is used here.
    return Object.assign(server, times) as unknown as Server;
  };
  // A client that ends its side of the connection after the request still reads the response.
  const server = Object.assign(open(), { httpAllowHalfOpen: true });
  bounds.boundConnections(server);
  // Node reports a client that reads nothing after two of these intervals.
  server.setTimeout(halfTimeoutMs, inTurn.onTimeout);
  return server;
}

/**
 * Handles one request of an HTTP/1.1 connection at a time: pipelined requests wait until the previous response is
 * sent, and no further data is read until then. So a connection whose client does not read holds at most one request.
 */
function handleInTurn(handle: Handle): { handle: RequestListener; onTimeout(socket: Socket): void } {
  /** Bytes that the client had sent when half of the timeout was over. */
  const silentSince = new WeakMap<Socket, number>();

  function start(socket: Socket, connection: Connection): void {
    const [request, response] = connection.current;
    response.once("close", () => {
      // After a response that closes the connection no further request is handled.
      const next = socket.writable ? connection.waiting.shift() : undefined;
      if (next) start(socket, Object.assign(connection, { current: next }));
      else {
        connections.delete(socket);
        connection.reject?.();
      }
      // The body of the last request may still be arriving.
      if (connection.isPaused && connection.waiting.length === 0) {
        connection.isPaused = false;
        socket.resume();
      }
    });
    handle(request, response);
  }

  return {
    handle(request, response) {
      const { socket } = request;
      const connection = connections.get(socket);
      if (!connection) {
        const opened: Connection = { current: [request, response], waiting: [], isPaused: false };
        connections.set(socket, opened);
        return start(socket, opened);
      }
      // Node resumes reading at the end of each message.
      if (!connection.isPaused) process.nextTick(() => connection.isPaused && socket.pause());
      connection.isPaused = true;
      // Drops further requests: their client sees the connection end before their responses, and may send them again.
      if (connection.waiting.length === pipelinedMax) return;
      connection.waiting.push([request, response]);
      if (connection.waiting.length === pipelinedMax) response.shouldKeepAlive = false;
    },
    onTimeout(socket) {
      const [request, response] = connections.get(socket)?.current ?? [];
      // The client has nothing to send or read while the request is handled.
      if (request?.complete && !response?.headersSent) return;
      const isArriving = !response?.headersSent;
      if (isArriving && silentSince.get(socket) !== socket.bytesRead) {
        silentSince.set(socket, socket.bytesRead);
        socket.setTimeout(halfTimeoutMs);
      } else socket.destroy();
    },
  };
}

/**
 * Rejects malformed data on a connection after the requests before it have been answered; else the client would take the
 * rejection for the response to one of those. Rejects at once a request that is itself truncated or malformed.
 */
export function rejectInTurn(socket: Socket, reject: () => void): void {
  const connection = connections.get(socket);
  if (connection?.reject) return;
  if (!connection) {
    reject();
    return;
  }
  const isWhole = ([request]: Exchange) => request.complete;
  connection.waiting = connection.waiting.filter(isWhole);
  if (isWhole(connection.current)) connection.reject = reject;
  else if (connection.current[1].headersSent) socket.destroy();
  else reject();
}
