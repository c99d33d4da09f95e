import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { FastifyInstance } from "fastify";
import type { Closer } from "../../platform/closer.ts";
import type { AddressList } from "./addresses.ts";
import type { Admission } from "./admission.ts";
import { type ApiRpcOptions, addressHeader, serveApi } from "./api-rpc.ts";
import { boundSessions, http2Settings } from "./listener.ts";

/** Bytes that a call may bring at most: as much as a REST body. */
const messageBytesMax = 65_536;

export type ApiHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

/** Answers calls of `qrforge.api.v1`, in gRPC's, gRPC-Web's and Connect's protocols. */
export function createApiHandler(
  options: ApiRpcOptions & { places: Admission; trustedProxies: AddressList },
): ApiHandler {
  const handle = connectNodeAdapter({
    routes: (router) => serveApi(router, options),
    readMaxBytes: messageBytesMax,
  });
  return (request, response) => {
    try {
      // Before anything of the body is read.
      response.once("close", options.places.enter());
    } catch (error) {
      const { message } = error as Error;
      const refused = response as ServerResponse;
      refused.writeHead(503, { "content-type": "application/json", "retry-after": "1" });
      refused.end(JSON.stringify({ code: "unavailable", message }));
      return;
    }
    request.headers[addressHeader] = clientAddress(request, options.trustedProxies);
    handle(request as never, response as never);
  };
}

/** Who sent a request: the last address on its way that is no trusted proxy. */
function clientAddress({ socket, headers }: IncomingMessage | Http2ServerRequest, trusted: AddressList): string {
  const forwarded = String(headers["x-forwarded-for"] ?? "").split(",");
  const way = [...forwarded.map((one) => one.trim()).filter((one) => one !== ""), socket.remoteAddress ?? ""];
  return way.findLast((address) => !trusted(address)) ?? (way[0] as string);
}

/** Serves calls beside REST: Connect and gRPC-Web on HTTP/1.1, and gRPC too on HTTP/2, which takes TLS. */
export function serveApiBeside(app: FastifyInstance, handle: ApiHandler): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // The body is the handler's to read.
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    scope.all("/qrforge.api.v1.ApiService/:method", { config: { isUnbounded: true } }, (request, reply) => {
      reply.hijack();
      handle(request.raw, reply.raw);
    });
  });
}

/** Serves calls on HTTP/2 in clear text: what gRPC clients speak. Resolves to the address. */
export async function openApiServer(options: {
  listen: { host: string; port: number };
  handle: ApiHandler;
  /** How long calls under way may take while it closes, in ms. */
  closeMs: number;
  closer: Closer;
}): Promise<string> {
  const { host, port } = options.listen;
  const server = createServer({ settings: http2Settings }, options.handle);
  const sessions = boundSessions(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(`cannot serve gRPC on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, resolve);
  });
  options.closer.defer("api server", async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    sessions.close();
    const cut = setTimeout(sessions.destroy, options.closeMs);
    await closed;
    clearTimeout(cut);
  });
  return `${host}:${(server.address() as { port: number }).port}`;
}
