import type { IncomingHttpHeaders } from "node:http";
import { create, type DescMethodUnary, fromJson, type JsonObject, type Message, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { ApiService } from "../../gen/qrforge/api/v1/api_pb.ts";
import { type Failure, toFailure } from "../../platform/errors.ts";
import type { Logger } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { failureDetails } from "../../platform/rpc/status.ts";
import { openSpan, within } from "../../platform/tracing.ts";
import type { ApiCall, Gatekeeper, RouteArguments } from "./gatekeeper.ts";
import { refuseIfSpent } from "./gatekeeper.ts";
import { rateLimitHeaders } from "./rate-limit.ts";
import type { Route, RouteAnswer } from "./route.ts";
import { routes } from "./routes.ts";

export interface ApiRpcOptions {
  gatekeeper: Gatekeeper;
  newRequestId(): string;
  /** How long a call waits for all the services behind, in ms. */
  timeoutMs: number;
  /** Told how long each call took. */
  noteCall: ReturnType<Metrics["duration"]>;
  log: Logger;
}

/** The client's address of a call, by the header that the server in front of the router has set. */
export const addressHeader = "x-qrforge-client-address";

/**
 * The public API as `qrforge.api.v1.ApiService`. Every method is the route of the same name: its request becomes the
 * route's parameters, and what the route answers becomes its response, as JSON that both faces share.
 */
export function serveApi(router: ConnectRouter, options: ApiRpcOptions): void {
  for (const method of ApiService.methods as DescMethodUnary[]) {
    const route = routes.find(({ operation }) => operation === method.localName);
    if (!route) throw new Error(`${method.name} is no operation of the API`);
    router.rpc(method, async (request: Message, context: HandlerContext) => {
      const traceparent = context.requestHeader.get("traceparent");
      const span = within(traceparent ? { traceparent } : {}, () =>
        openSpan(`${ApiService.typeName}/${method.name}`, "server"),
      );
      let failure: string | undefined;
      try {
        return await span.run(() => answer(method, route, request, context, options));
      } catch (error) {
        failure = Code[ConnectError.from(error).code];
        throw error;
      } finally {
        span.end({ "rpc.system": "connect_rpc" }, failure);
      }
    });
  }
}

async function answer(
  method: DescMethodUnary,
  route: Route,
  request: Message,
  context: HandlerContext,
  options: ApiRpcOptions,
): Promise<Message> {
  const { gatekeeper, log } = options;
  const startedAt = performance.now();
  const requestId = options.newRequestId();
  setHeaders(context, {
    "x-request-id": requestId,
    "cache-control": "private, no-cache",
    "x-content-type-options": "nosniff",
  });
  let outcome = "OK";
  try {
    const headers = Object.fromEntries(context.requestHeader) as IncomingHttpHeaders;
    const call: ApiCall = {
      // Answers that say only that nothing has changed, or come in another form, are REST's.
      headers: { ...headers, accept: undefined, "if-none-match": undefined },
      address: String(headers[addressHeader] ?? ""),
      remainingMs() {
        const ours = options.timeoutMs - (performance.now() - startedAt);
        return Math.max(1, Math.min(ours, context.timeoutMs() ?? ours));
      },
    };
    const caller = await gatekeeper.authenticate(call);
    const input = toArguments(method, route, request);
    const metered = await gatekeeper.meter(call, caller, route.cost?.(input.body) ?? 1);
    setHeaders(context, rateLimitHeaders(metered));
    refuseIfSpent(metered);
    const answered = await gatekeeper.perform(route, call, caller, metered, input);
    setHeaders(context, answered.headers ?? {});
    return toResponse(method, answered);
  } catch (error) {
    const failure = toFailure(error);
    outcome = failure.reason;
    if (failure.reason === "INTERNAL_ERROR") {
      log.error({ error: failure.cause ?? failure, requestId, method: method.name }, "call failed");
    }
    throw toConnectError(failure);
  } finally {
    options.noteCall((performance.now() - startedAt) / 1_000, { method: method.name, outcome });
  }
}

/** A request as REST has it: `id` from the path, the rest in the query or in the body. */
function toArguments(method: DescMethodUnary, route: Route, request: Message): RouteArguments {
  const { id, ...rest } = toJson(method.input, request) as JsonObject;
  const params = id === undefined ? {} : { id };
  if (route.body) return { params, query: {}, body: withNulls(rest) };
  const query = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)]));
  return { params, query, body: undefined };
}

/** In a style an empty text takes something away, which in JSON null does. */
function withNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNulls);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([name, part]) => {
    const isRemoved = (name === "logo" || name === "caption") && part === "";
    return [name, isRemoved ? null : withNulls(part)];
  });
  return Object.fromEntries(entries);
}

function toResponse(method: DescMethodUnary, { data, file, nextCursor }: RouteAnswer): Message {
  if (file) return create(method.output, { content: file.bytes, contentType: file.type } as never);
  const list = nextCursor === undefined ? {} : { next_cursor: nextCursor ?? "" };
  return fromJson(method.output, { data, ...list } as JsonObject);
}

function setHeaders({ responseHeader }: HandlerContext, headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) responseHeader.set(name, value);
}

/** A failure as Connect, gRPC and gRPC-Web carry it, beside the headers that are set. */
function toConnectError(failure: Failure): ConnectError {
  const { code, details } = failureDetails(failure);
  const metadata = failure.retryAfterS === undefined ? undefined : { "retry-after": String(failure.retryAfterS) };
  return new ConnectError(failure.message, code as Code, metadata, details, failure);
}
