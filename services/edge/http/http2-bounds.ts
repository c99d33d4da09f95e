import { constants, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { progressTimeoutMs, requestTimeoutMs } from "./exchange.ts";

/** Calls of one connection at once at most, and bytes of a call's headers. */
export const http2Settings = { maxConcurrentStreams: 100, maxHeaderListSize: 16_384 };
const sessionIdleMs = 120_000;

/**
 * Bounds how long the sessions of an HTTP/2 server and their streams may be silent, as for HTTP/1.1: a request has to
 * arrive in time, and a client has to take its answer. Returns what ends all sessions.
 */
export function boundSessions(server: Pick<Http2Server, "on">): { close(): void; destroy(): void } {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.setTimeout(sessionIdleMs, () => session.close());
    session.once("close", () => sessions.delete(session));
    session.on("stream", boundStream);
  });
  return {
    // Clients are told, and open streams finish.
    close() {
      for (const session of sessions) session.close();
    },
    destroy() {
      for (const session of sessions) session.destroy();
    },
  };
}

function boundStream(stream: ServerHttp2Stream): void {
  const cancel = () => stream.close(constants.NGHTTP2_CANCEL);
  const isArriving = () => !stream.endAfterHeaders && !stream.readableEnded;
  stream.setTimeout(progressTimeoutMs, () => {
    // While we work on an answer, the client has nothing to send or read.
    if (isArriving() || stream.headersSent) cancel();
  });
  if (stream.endAfterHeaders) return;
  const arrival = setTimeout(() => isArriving() && cancel(), requestTimeoutMs);
  stream.once("end", () => clearTimeout(arrival));
  stream.once("close", () => clearTimeout(arrival));
}
