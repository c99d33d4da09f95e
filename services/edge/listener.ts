import { readFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { constants, createSecureServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { Clock } from "../../platform/clock.ts";
import type { Closer } from "../../platform/closer.ts";
import type { Logger } from "../../platform/log.ts";

/** What clients see of a server that speaks TLS, PEM. */
export interface Certificate {
  cert: Buffer;
  key: Buffer;
}

/** How long a request's head, and the whole of it, may take to arrive. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;
const checkMs = 2_000;
const idleMs = 72_000;

/** Calls of one connection at once at most, and bytes of a call's headers. */
export const http2Settings = { maxConcurrentStreams: 250, maxHeaderListSize: 16_384 };
/** How long a stream and a session may be silent, in ms. */
const streamTimeoutMs = 30_000;
const sessionIdleMs = 120_000;

const renewalCheckMs = 60_000;

/** Limits how long the sessions of an HTTP/2 server and their streams may be silent; they can be told to go. */
export function boundSessions(server: Pick<Http2Server, "on">): { close(): void; destroy(): void } {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.setTimeout(sessionIdleMs, () => session.close());
    session.once("close", () => sessions.delete(session));
    session.on("stream", (stream) => {
      stream.setTimeout(streamTimeoutMs, () => stream.close(constants.NGHTTP2_CANCEL));
    });
  });
  return {
    // Clients are told, and streams under way finish.
    close() {
      for (const session of sessions) session.close();
    },
    destroy() {
      for (const session of sessions) session.destroy();
    },
  };
}

/** The edge's server: HTTP/1.1 in clear text; with a certificate HTTP/1.1 and HTTP/2 on one port, as the client prefers. */
export function createListener(certificate: Certificate | undefined, handle: RequestListener): Server {
  const times = { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, keepAliveTimeout: idleMs };
  if (!certificate) return createServer({ ...times, connectionsCheckingInterval: checkMs }, handle);
  // Node heeds these on its connections of HTTP/1.1 here as well, only its types do not say so.
  const forHttp1 = { allowHTTP1: true, connectionsCheckingInterval: checkMs };
  const server = createSecureServer({ ...certificate, ...forHttp1, settings: http2Settings }, handle as never);
  boundSessions(server);
  return Object.assign(server, times) as unknown as Server;
}

/** Reads the certificate; undefined if none is configured. */
export async function readCertificate(certFile: string, keyFile: string): Promise<Certificate | undefined> {
  if (!certFile && !keyFile) return undefined;
  if (!certFile || !keyFile) throw new Error("PUBLIC_TLS_CERT_FILE and PUBLIC_TLS_KEY_FILE must be set together");
  return { cert: await readFile(certFile), key: await readFile(keyFile) };
}

/** Shows new clients a renewed certificate within a minute of its being written. */
export function renewCertificate(options: {
  server: { setSecureContext(certificate: Certificate): void };
  read(): Promise<Certificate | undefined>;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  const { server, clock, log } = options;
  options.closer.loop("certificate", async (closing) => {
    let shown = await options.read();
    while (!closing.aborted) {
      await clock.sleep(renewalCheckMs, closing);
      try {
        const read = await options.read();
        if (!read || (shown && read.cert.equals(shown.cert) && read.key.equals(shown.key))) continue;
        server.setSecureContext(read);
        shown = read;
        log.info("the certificate was renewed");
      } catch (error) {
        log.error({ error }, "the certificate cannot be renewed; the old one is still shown");
      }
    }
  });
}
