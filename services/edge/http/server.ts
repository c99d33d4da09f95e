import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import type { Socket } from "node:net";
import type { Certificate } from "./certificate.ts";
import { type Handle, progressTimeoutMs, requestTimeoutMs } from "./exchange.ts";
import { boundSessions, http2Settings } from "./http2-bounds.ts";
import type { PeerBounds } from "./peer-bounds.ts";

/** How long a request's head may take to arrive, in ms. */
const headersTimeoutMs = 10_000;
const checkMs = 2_000;
const idleMs = 72_000;
const halfTimeoutMs = progressTimeoutMs / 2;
/** Requests that a client may send ahead on one connection; the connection ends after the last of them. */
const pipelinedMax = 100;

type Exchange = [request: IncomingMessage, response: ServerResponse];

/** The request of a connection that is handled, and those that its client has sent ahead. */
interface Connection {
  current: Exchange;
  waiting: Exchange[];
  isPaused: boolean;
  /** Answers what came behind them and is no request; the connection ends with that. */
  reject?: () => void;
}

const connections = new WeakMap<Socket, Connection>();

/** Creates the edge's server: HTTP/1.1 in clear text; with a certificate HTTP/1.1 and HTTP/2 on one port. */
export function createHttpServer(options: {
  certificate: Certificate | undefined;
  bounds: PeerBounds;
  handle: Handle;
}): Server {
  const { certificate, bounds } = options;
  const inTurn = handleInTurn(bounds.boundRequests(options.handle));
  const times = { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, keepAliveTimeout: idleMs };
  const open = (): Server => {
    if (!certificate) return createServer({ ...times, connectionsCheckingInterval: checkMs }, inTurn.handle);
    // Node heeds these on its connections of HTTP/1.1 here as well, only its types do not say so.
    const forHttp1 = { allowHTTP1: true, connectionsCheckingInterval: checkMs };
    const handleBoth: Handle = (request, response) =>
      request.httpVersionMajor === 1
        ? // Node hands HTTP/1.1 out in its own classes, whose version no type tells.
          inTurn.handle(request as IncomingMessage, response as ServerResponse)
        : bounds.boundRequests(options.handle)(request, response);
    const forTls = { ...certificate, handshakeTimeout: headersTimeoutMs };
    const server = createSecureServer({ ...forTls, ...forHttp1, settings: http2Settings }, handleBoth);
    boundSessions(server);
    // A TLS server that takes HTTP/1.1 has all that is used of an HTTP server here.
    return Object.assign(server, times) as unknown as Server;
  };
  // A client that sends its request and ends its side of the connection still reads the answer.
  const server = Object.assign(open(), { httpAllowHalfOpen: true });
  bounds.boundConnections(server);
  // Node tells of a client that takes nothing at the second of two such times.
  server.setTimeout(halfTimeoutMs, inTurn.onTimeout);
  return server;
}

/**
 * Handles one request of an HTTP/1.1 connection at a time: what a client sends ahead waits until the answer before it is
 * sent, and more is not read meanwhile. So a connection whose client does not read holds no more than one request.
 */
function handleInTurn(handle: Handle): { handle: RequestListener; onTimeout(socket: Socket): void } {
  /** How many bytes a silent client had sent when half of the timeout was over. */
  const silentSince = new WeakMap<Socket, number>();

  function start(socket: Socket, connection: Connection): void {
    const [request, response] = connection.current;
    response.once("close", () => {
      // After an answer that closes the connection nothing can be answered, so nothing is done.
      const next = socket.writable ? connection.waiting.shift() : undefined;
      if (next) start(socket, Object.assign(connection, { current: next }));
      else {
        connections.delete(socket);
        connection.reject?.();
      }
      // The last one's body may still be on its way.
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
      // Node begins to read again at the end of each message.
      if (!connection.isPaused) process.nextTick(() => connection.isPaused && socket.pause());
      connection.isPaused = true;
      // Further ones are dropped: their client sees the connection end before their answers, and may send them again.
      if (connection.waiting.length === pipelinedMax) return;
      connection.waiting.push([request, response]);
      if (connection.waiting.length === pipelinedMax) response.shouldKeepAlive = false;
    },
    onTimeout(socket) {
      const [request, response] = connections.get(socket)?.current ?? [];
      // While we work on an answer, the client has nothing to send or read.
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
 * Rejects bytes on a connection that are no request, once those before them are answered: else their client would take the
 * rejection for the answer to what has been done. A request that is itself cut short or malformed is rejected at once.
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
