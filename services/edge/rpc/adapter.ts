import type { IncomingHttpHeaders } from "node:http";
import {
  create,
  type DescMethod,
  type DescMethodUnary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { ApiService, GetQrCodeImageResponseSchema } from "../../../gen/qrforge/api/v1/api_pb.ts";
import type { Slot } from "../../../platform/concurrency/semaphore.ts";
import { type Reason, ServiceError, toServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { errorDetails } from "../../../platform/rpc/status.ts";
import { createOutageLog, type Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { openSpan, withRemoteParent } from "../../../platform/telemetry/tracing.ts";
import { costOf, isReplayOf, type Route, type RouteAnswer, type RouteArguments } from "../api/route.ts";
import { routes } from "../api/routes/index.ts";
import { type BodySlots, logoBodyBytesMax } from "../http/body-reader.ts";
import type { Origin } from "../http/client-address.ts";
import { challengeOf } from "../http/envelope.ts";
import type { RawRequest } from "../http/exchange.ts";
import { type Authenticate, type Call, type Caller, type Pipeline, startTimeout } from "../pipeline/pipeline.ts";
import type { Upstreams } from "../upstreams/clients.ts";

export interface RpcOptions {
  authenticate: Authenticate;
  pipeline: Pipeline;
  upstreams: Upstreams;
  originOf(request: RawRequest): Origin;
  bodySlots: BodySlots;
  newRequestId(): string;
  /** Timeout of all upstream calls of one call, in ms. */
  upstreamTimeoutMs: number;
  clock: Pick<Clock, "now">;
  /** Records the duration of each call. */
  recordCall: ReturnType<Metrics["duration"]>;
  log: Logger;
}

/** Origin of a call; set when it arrives. */
export const originKey = createContextKey<Origin | undefined>(undefined);

/** An authenticated call. */
interface Admitted {
  caller: Caller;
  requestId: string;
  /** Slot of the body that is being read. */
  slot: Slot;
  /** Whether its message was read, so that the pipeline charges it from then on. */
  isRead: boolean;
}
const admittedKey = createContextKey<Admitted | undefined>(undefined);

/** Serves the public API as `qrforge.api.v1.ApiService`. */
export interface RpcFace {
  /** Runs before a message is read: rejects calls without a valid key, in each of the protocols. */
  gate(context: HandlerContext): Promise<void>;
  /**
   * Registers the methods. Each calls the route of the same name: its request becomes the route's parameters, and the
   * route's result becomes its response. REST and RPC share this JSON.
   */
  serve(router: ConnectRouter): void;
}

export function createRpcFace(options: RpcOptions): RpcFace {
  const { authenticate, pipeline, log } = options;
  const noteOutage = createOutageLog(log, { use: "rpc" });

  const startCall = (context: HandlerContext): Call => {
    const remainingMs = startTimeout(options.upstreamTimeoutMs);
    return {
      // Only REST has responses without data (304) and files.
      headers: { ...headersOf(context), accept: undefined, "if-none-match": undefined },
      address: context.values.get(originKey)?.address ?? "",
      remainingMs: () => Math.max(1, Math.min(remainingMs(), context.timeoutMs() ?? Number.POSITIVE_INFINITY)),
      setHeaders: (headers) => setHeaders(context, headers),
    };
  };

  /** Runs a part of a call, and converts its error to a Connect error. */
  async function measured<T>(context: HandlerContext, requestId: string, isLast: boolean, work: () => Promise<T>) {
    const startedAt = performance.now();
    const record = (outcome: string) =>
      options.recordCall((performance.now() - startedAt) / 1_000, { method: context.method.name, outcome });
    try {
      const result = await work();
      if (isLast) record("OK");
      return result;
    } catch (error) {
      const failure = toServiceError(error);
      record(failure.reason);
      noteOutage(failure);
      if (failure.reason === "INTERNAL_ERROR") {
        log.error({ error: failure.cause ?? failure, requestId, method: context.method.name }, "call failed");
      }
      setHeaders(context, challengeOf(failure));
      throw toConnectError(failure);
    }
  }

  return {
    async gate(context) {
      const requestId = options.newRequestId();
      setHeaders(context, { "x-request-id": requestId });
      await measured(context, requestId, false, async () => {
        const call = startCall(context);
        const caller = await authenticate(call);
        throwIfAborted(context);
        const slot = options.bodySlots.acquire(call.address);
        const admitted: Admitted = { caller, requestId, slot, isRead: false };
        context.values.set(admittedKey, admitted);
        // Runs at the end of every call.
        context.signal.addEventListener("abort", () => {
          slot[Symbol.dispose]();
          if (admitted.isRead) return;
          blameClient(context.signal.reason);
          void chargeUnread(caller, startCall(context), options);
        });
      });
    },
    serve(router) {
      for (const method of ApiService.methods.filter(isUnary)) {
        const route = routes.find(({ operation }) => operation === method.localName);
        if (!route) throw new Error(`${method.name} is no operation of the API`);
        const handle = async (request: Message, context: HandlerContext) => {
          const admitted = context.values.get(admittedKey);
          if (!admitted) throw new Error("a call came past the gate");
          admitted.isRead = true;
          admitted.slot[Symbol.dispose]();
          const traceparent = context.requestHeader.get("traceparent");
          const span = withRemoteParent(traceparent ? { traceparent } : {}, () =>
            openSpan(`${ApiService.typeName}/${method.name}`, "server"),
          );
          let failed: string | undefined;
          try {
            return await span.run(() =>
              measured(context, admitted.requestId, true, () =>
                answer(method, route, request, context, admitted.caller),
              ),
            );
          } catch (error) {
            failed = "failed";
            throw error;
          } finally {
            span.end({ "rpc.system": "connect_rpc" }, failed);
          }
        };
        router.rpc(method, handle, route.takesPicture ? { readMaxBytes: logoBodyBytesMax } : {});
      }
    },
  };

  async function answer(
    method: DescMethodUnary,
    route: Route,
    request: Message,
    context: HandlerContext,
    caller: Caller,
  ): Promise<Message> {
    const given = toArguments(method, route, request);
    const call = startCall(context);
    const answered = await pipeline.run(caller, call, {
      cost: costOf(route, given.body),
      isReplay(timeoutMs) {
        const { headers } = call;
        return isReplayOf(route, { caller, headers, upstreams: options.upstreams, timeoutMs }, given.body);
      },
      handle: (decision, replayOnly) => {
        const { headers } = call;
        const { upstreams, clock } = options;
        const nowMs = clock.now();
        const routeCall = { caller, decision, replayOnly, headers, upstreams, timeoutMs: call.remainingMs(), nowMs };
        return route.handle(routeCall, given);
      },
    });
    setHeaders(context, answered.headers ?? {});
    return toResponse(method, answered);
  }
}

/** Rejects a call that ended during authentication: its abort signal fires only once, so a later listener would miss it. */
function throwIfAborted({ signal, timeoutMs }: HandlerContext): void {
  if (!signal.aborted) return;
  if ((timeoutMs() ?? 1) <= 0) throw new ServiceError("DEADLINE_EXCEEDED");
  throw new ServiceError("INVALID_REQUEST", "The call ended before its message.", { cause: signal.reason });
}

/** Charges a call whose message could not be read. It is rejected already, even if the charge fails. */
async function chargeUnread(caller: Caller, call: Call, { pipeline, log }: RpcOptions): Promise<void> {
  try {
    await pipeline.run(caller, { ...call, setHeaders: () => {} }, { cost: 1, handle: async () => {} });
  } catch (error) {
    log.debug({ error }, "a message that could not be read was not charged");
  }
}

/**
 * Converts the error of an unreadable message to a client error: Connect reports some as internal, and a message that is too
 * large as resource_exhausted. The signal is aborted with the error before it is sent.
 */
function blameClient(error: unknown): void {
  if (!(error instanceof ConnectError)) return;
  const reason = unreadable[error.code];
  if (!reason) return;
  const { code, details } = errorDetails(new ServiceError(reason));
  Object.assign(error, { code, details });
}

const unreadable: Partial<Record<Code, Reason>> = {
  [Code.Internal]: "INVALID_PAYLOAD",
  [Code.InvalidArgument]: "INVALID_PAYLOAD",
  [Code.ResourceExhausted]: "PAYLOAD_TOO_LARGE",
};

function headersOf({ requestHeader }: HandlerContext): IncomingHttpHeaders {
  return Object.fromEntries(requestHeader);
}

/** Returns a request in the form of REST: `id` from the path, the other fields in the query or the body. */
function toArguments(method: DescMethodUnary, route: Route, request: Message): RouteArguments {
  const fields = toJson(method.input, request);
  if (!isJsonObject(fields)) throw new Error(`${method.input.typeName} is no object in JSON`);
  const { id, ...rest } = fields;
  const params = id === undefined ? {} : { id };
  if (route.body) return { params, query: {}, body: { value: withNulls(rest) } };
  const query = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)]));
  return { params, query, body: { value: undefined } };
}

/** Fields that are cleared: by null in JSON, by empty text or 0 in messages. */
const clearable = new Set(
  "project_id foreground background module_shape finder_shape logo logo_size caption".split(" "),
);

/** Converts empty fields, which are to be cleared, to null, which does so in JSON. */
function withNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNulls);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([name, part]) => {
    const isCleared = clearable.has(name) && (part === "" || part === 0);
    return [name, isCleared ? null : withNulls(part)];
  });
  return Object.fromEntries(entries);
}

function toResponse(method: DescMethodUnary, { data, items, nextPageToken, file }: RouteAnswer): Message {
  if (file) return create(GetQrCodeImageResponseSchema, { content: file.bytes, contentType: file.type });
  const isPaged = nextPageToken !== undefined;
  const content = items ? { items, ...(isPaged && { next_page_token: nextPageToken ?? "" }) } : { data };
  // The data of a response is JSON by its schema, which its type does not declare.
  return fromJson(method.output, content as JsonObject);
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function setHeaders({ responseHeader }: HandlerContext, headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) responseHeader.set(name, value);
}

/** Returns an error in the form of Connect, gRPC and gRPC-Web, in addition to the headers that are set. */
function toConnectError(failure: ServiceError): ConnectError {
  const { code, details } = errorDetails(failure);
  const metadata = failure.retryAfterS === undefined ? undefined : { "retry-after": String(failure.retryAfterS) };
  // The catalogue uses the codes of gRPC, and so does Connect.
  return new ConnectError(failure.message, code as Code, metadata, details, failure);
}
