import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { type handleUnaryCall, type MethodDefinition, Server, type ServerUnaryCall } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import { withTimeout } from "../concurrency/timeout.ts";
import { ServiceError, toServiceError } from "../errors.ts";
import { registerCertificateExpiry } from "../process/build-info.ts";
import { systemClock } from "../process/clock.ts";
import { createOutageLog, type Logger, redact } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type Carrier, openSpan, withRemoteParent } from "../telemetry/tracing.ts";
import { bind } from "./bind.ts";
import {
  codec,
  methodPath,
  type RequestOf,
  type ResponseInitOf,
  type UnaryMethods,
  unaryMethodsOf,
} from "./definition.ts";
import { describedFiles } from "./described-files.ts";
import { errorToStatus } from "./status.ts";
import { type Allowed, isAllowed, serverCredentials, type TlsFiles } from "./tls.ts";

/** Context of a call. */
export interface CallContext {
  /** Returns the milliseconds until the caller's deadline; Infinity without one. */
  remainingMs(): number;
  /** Caller: the name in its certificate, else its address. */
  peer: string;
}

/** One function for each method of a service. Takes the request; returns the response or throws a ServiceError. */
export type Handlers<S extends DescService> = {
  [M in keyof UnaryMethods<S>]: (
    request: RequestOf<UnaryMethods<S>[M]>,
    context: CallContext,
  ) => Promise<ResponseInitOf<UnaryMethods<S>[M]>>;
};

/** A service with its handlers. */
export interface Implementation {
  service: DescService;
  handlers: Record<string, Handler>;
}

type Handler = (request: Message, context: CallContext) => Promise<MessageInitShape<DescMessage>>;

/** Pairs a service with its handlers, checked against its descriptor. */
export function implement<S extends DescService>(service: S, handlers: Handlers<S>): Implementation {
  // Each handler takes the message of its own method, which the server reads by the same descriptor.
  return { service, handlers: handlers as unknown as Implementation["handlers"] };
}

export interface RpcServerOptions extends TlsFiles {
  listen: { host: string; port: number };
  /** Whether to allow clear text on other addresses than loopback. */
  insecureListen: boolean;
  /** Methods that each client may call, for clients with certificates. */
  rpcAllow: Allowed;
  implementations: Implementation[];
  metrics: Metrics;
  log: Logger;
  /** Maximum number of calls in flight; a further call is rejected with UNAVAILABLE. */
  callsInFlightMax: number;
  /** Age at which a connection is closed gracefully, so that clients discover new replicas, in ms. */
  connectionAgeMaxMs: number;
}

export interface RpcServer {
  /** Listen address, `host:port` with the actual port. */
  address: string;
  /** Sets the health of all services. */
  setServing(serving: boolean): void;
  /** Rejects new calls, waits for those in flight, and closes. */
  close(): Promise<void>;
}

/** Time for the last responses to leave a closing server, in ms. */
const lastBytesMs = 100;

/** Serves protobuf services over gRPC, with grpc.health.v1 and reflection. */
export async function createRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { implementations } = options;
  const server = new Server({
    "grpc.max_connection_age_ms": options.connectionAgeMaxMs,
    "grpc.max_connection_age_grace_ms": 30_000,
  });
  const names = ["", ...implementations.map(({ service }) => service.typeName)];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, "SERVING" as const])));
  health.addToServer(server);
  new ReflectionService(describe(implementations.map(({ service }) => service))).addToServer(server);

  const calls = { inFlight: 0, max: options.callsInFlightMax };
  options.metrics.gauge("rpc_in_flight", "gRPC calls being worked on", () => calls.inFlight);
  const took = options.metrics.duration("rpc", "gRPC calls served, by method and the reason of their failure");
  for (const { service, handlers } of implementations) {
    const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
    const adapted: Record<string, handleUnaryCall<Buffer, Buffer>> = {};
    for (const method of unaryMethodsOf(service)) {
      const handler = handlers[method.localName];
      if (!handler) throw new Error(`${service.typeName} has no handler for ${method.name}`);
      // `adapt` decodes the request and encodes the response itself, so that errors of both are logged and counted.
      definition[method.localName] = {
        path: methodPath(service, method.name),
        requestStream: false,
        responseStream: false,
        requestSerialize: unchanged,
        requestDeserialize: unchanged,
        responseSerialize: unchanged,
        responseDeserialize: unchanged,
      };
      adapted[method.localName] = adapt(method, handler, calls, { ...options, took });
    }
    server.addService(definition, adapted);
  }

  registerCertificateExpiry({ use: "rpc", file: options.tlsCertFile, metrics: options.metrics, log: options.log });
  const { host } = options.listen;
  const port = await bind(server, options.listen, serverCredentials(options));

  return {
    address: `${host}:${port}`,
    setServing(serving) {
      for (const name of names) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
    },
    async close() {
      for (const name of names) health.setStatus(name, "NOT_SERVING");
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      while (calls.inFlight > 0) await systemClock.sleep(10);
      // All responses are sent; only endless streams, such as health watches, are left.
      await Promise.race([closed, systemClock.sleep(lastBytesMs)]);
      server.forceShutdown();
    },
  };
}

const unchanged = (bytes: Buffer): Buffer => bytes;

function adapt(
  method: DescMethodUnary,
  handler: Handler,
  calls: { inFlight: number; max: number },
  { log, rpcAllow, took }: Pick<RpcServerOptions, "log" | "rpcAllow"> & { took: ReturnType<Metrics["duration"]> },
): handleUnaryCall<Buffer, Buffer> {
  const input = codec(method.input);
  const output = codec(method.output);
  const noteOutage = createOutageLog(log, { method: method.toString() });
  const name = methodPath(method.parent, method.name).slice(1);
  return async (call, callback) => {
    if (calls.inFlight >= calls.max) {
      callback(errorToStatus(new ServiceError("UNAVAILABLE", "The service is at its limit.", { retryAfterS: 1 })));
      return;
    }
    calls.inFlight++;
    const startedAt = performance.now();
    let outcome = "OK";
    const span = withRemoteParent(carrierOf(call), () => openSpan(name, "server"));
    let request: Message | undefined;
    try {
      requireAllowed(call, rpcAllow, name);
      request = readRequest(input.deserialize, call.request);
      const context = contextOf(call);
      const read = request;
      const answered = span.run(() => handler(read, context));
      // A call that hangs frees its slot at its caller's deadline.
      const answer = await withTimeout(answered, Math.min(context.remainingMs(), callMaxMs));
      callback(null, output.serialize(create(method.output, answer)));
    } catch (error) {
      const failure = toServiceError(error);
      outcome = failure.reason;
      noteOutage(failure);
      if (failure.reason === "INTERNAL_ERROR") {
        const shown = request && redact(method.input, request);
        log.error({ error: failure.cause ?? failure, method: method.toString(), request: shown }, "call failed");
      }
      callback(errorToStatus(failure));
    } finally {
      calls.inFlight--;
      took((performance.now() - startedAt) / 1_000, { method: name, outcome });
      span.end({ "rpc.system": "grpc" }, outcome === "OK" ? undefined : outcome);
    }
  };
}

/** Timeout of a call without a deadline, in ms. */
const callMaxMs = 60_000;

function carrierOf({ metadata }: ServerUnaryCall<Buffer, Buffer>): Carrier {
  const [parent] = metadata.get("traceparent");
  return typeof parent === "string" ? { traceparent: parent } : {};
}

/** Returns the names in a client's certificate; empty in clear text. */
function clientNames(call: ServerUnaryCall<Buffer, Buffer>): string[] {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (!certificate) return [];
  const dns = [...(certificate.subjectaltname ?? "").matchAll(/DNS:([^,\s]+)/g)].map(([, name = ""]) => name);
  return [certificate.subject?.CN, ...dns].filter((name): name is string => typeof name === "string");
}

function requireAllowed(call: ServerUnaryCall<Buffer, Buffer>, allowed: Allowed, method: string): void {
  if (allowed.size === 0) return;
  const names = clientNames(call);
  if (isAllowed(allowed, names, method)) return;
  throw new ServiceError("FORBIDDEN", `${names[0] ?? "A client without a certificate"} may not call ${method}.`);
}

function readRequest(deserialize: (bytes: Buffer) => Message, bytes: Buffer): Message {
  try {
    return deserialize(bytes);
  } catch (error) {
    throw new ServiceError("INVALID_REQUEST", "The bytes are not this method's request.", { cause: error });
  }
}

function contextOf(call: ServerUnaryCall<Buffer, Buffer>): CallContext {
  return {
    remainingMs() {
      const deadline = call.getDeadline();
      return Number(deadline instanceof Date ? deadline.getTime() : deadline) - systemClock.now();
    },
    peer: clientNames(call)[0] ?? call.getPeer(),
  };
}

/** Returns the files of services for the reflection library. */
function describe(services: DescService[]): never {
  // The library reads nothing else of a package, and has a wider type for it.
  return { all: { fileDescriptorProtos: describedFiles(services).map(({ bytes }) => bytes) } } as never;
}
