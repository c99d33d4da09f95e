import { createServer } from "node:http2";
import { createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { FastifyInstance } from "fastify";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { ApiService } from "../../../gen/qrforge/api/v1/api_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import { portOf } from "../../../platform/process/port.ts";
import { errorToStatus } from "../../../platform/rpc/status.ts";
import { rejectRequest, sendRaw } from "../http/errors.ts";
import type { Handle, RawRequest } from "../http/exchange.ts";
import { boundSessions, http2Settings } from "../http/http2-bounds.ts";
import type { PeerBounds } from "../http/peer-bounds.ts";
import type { RequestGuard } from "../http/request-guard.ts";
import { requestIdOf } from "../http/request-id.ts";
import { createRpcFace, originKey, type RpcOptions } from "./adapter.ts";
import { healthOf } from "./health.ts";
import { createReflection } from "./reflection.ts";

/** Maximum size of a call's message, in bytes: the same as of a REST body. */
const messageBytesMax = 65_536;
/** The same of a question about the server itself. */
const openMessageBytesMax = 1_024;

export type RpcHandler = Handle;

/** Creates the handler of calls of `qrforge.api.v1`, in the protocols of gRPC, gRPC-Web and Connect. */
export function createRpcHandler(options: RpcOptions): RpcHandler {
  const { gate, serve } = createRpcFace(options);
  const services = [ApiService, Health];
  const answerReflection = createReflection(services);
  /** What needs no key. */
  const handleOpen = connectNodeAdapter({
    routes(router) {
      router.rpc(
        Health.method.check,
        healthOf(services, (wait) => options.upstreams.ready(wait)),
      );
      router.service(ServerReflection, { serverReflectionInfo: (requests) => answerReflection(requests) });
      router.service(ServerReflectionAlpha, { serverReflectionInfo: (requests) => answerReflection(requests) });
    },
    readMaxBytes: openMessageBytesMax,
    fallback: answerUnknownMethod,
  });
  const handle = connectNodeAdapter({
    routes: (router) => serve(router),
    readMaxBytes: messageBytesMax,
    contextValues: (request) => createContextValues().set(originKey, options.originOf(request)),
    requestGate: gate,
    fallback: handleOpen,
  });
  return (request, response) => {
    if (hasUrl(request)) handle(request, response);
    else {
      const error = new ServiceError("INVALID_REQUEST", "The host and the path of the request are not a URL.");
      rejectRequest(response, error, { requestId: requestIdOf(request.headers, options.newRequestId) });
    }
  };
}

/** Answers a call of a method that is not here, in its own protocol. */
const answerUnknownMethod: ReturnType<typeof connectNodeAdapter> = ({ headers, url = "" }, response) => {
  const error = new ServiceError("METHOD_NOT_ALLOWED", `There is no method ${url.split("?")[0]} here.`);
  const type = headers["content-type"] ?? "";
  if (!type.startsWith("application/grpc")) {
    const body = JSON.stringify({ code: "unimplemented", message: error.message });
    sendRaw(response, { status: 404, headers: { "content-type": "application/json" }, body });
    return;
  }
  const { code, details, metadata } = errorToStatus(error);
  const status = { "grpc-status": String(code), "grpc-message": encodeURIComponent(details) };
  sendRaw(response, {
    status: 200,
    headers: { "content-type": type, ...status, ...metadata.toHttp2Headers() },
    body: "",
  });
};

/** Returns whether a request's host and path make a URL. Connect builds a URL of them, and throws if it is invalid. */
function hasUrl({ headers, url = "" }: RawRequest): boolean {
  return URL.canParse(url, `http://${headers[":authority"] ?? headers.host ?? ""}`);
}

/** Serves calls beside REST: Connect and gRPC-Web on HTTP/1.1, and also gRPC on HTTP/2, which needs TLS. */
export function serveRpcBeside(app: FastifyInstance, handle: RpcHandler): void {
  for (const { typeName } of [ApiService, Health, ServerReflection, ServerReflectionAlpha]) {
    app.all(`/${typeName}/:method`, (request, reply) => {
      reply.hijack();
      handle(request.raw, reply.raw);
    });
  }
}

/** Serves calls on HTTP/2 in clear text, for gRPC clients. Resolves to the address. */
export async function openRpcServer(options: {
  listen: { host: string; port: number };
  handle: RpcHandler;
  bounds: PeerBounds;
  guard: RequestGuard;
  /** Timeout for open calls on closing, in ms. */
  closeMs: number;
  closer: Closer;
}): Promise<string> {
  const { host, port } = options.listen;
  const handle = options.guard(options.handle);
  const server = createServer({ settings: http2Settings }, handle);
  server.on("checkExpectation", handle);
  options.bounds.boundConnections(server);
  const sessions = boundSessions(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(`cannot serve gRPC on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, resolve);
  });
  options.closer.defer("rpc server", async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    sessions.close();
    const cut = setTimeout(sessions.destroy, options.closeMs);
    await closed;
    clearTimeout(cut);
  });
  return `${host}:${portOf(server)}`;
}
