import { create, type DescMethodUnary, type DescService } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Metadata, type MethodDefinition } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { ServiceError } from "../errors.ts";
import { systemClock } from "../process/clock.ts";
import { expectFirstByte } from "../process/first-byte.ts";
import { type Carrier, injectContext, openSpan } from "../telemetry/tracing.ts";
import {
  codec,
  methodPath,
  type RequestInitOf,
  type ResponseOf,
  type UnaryMethods,
  unaryMethodsOf,
} from "./definition.ts";
import { statusToError } from "./status.ts";
import { clientCredentials, type TlsFiles } from "./tls.ts";

/** One function for each method of a service. Rejects with a ServiceError; with DEADLINE_EXCEEDED after `timeoutMs`. */
export type RpcClient<S extends DescService> = {
  [M in keyof UnaryMethods<S>]: (
    request: RequestInitOf<UnaryMethods<S>[M]>,
    options: { timeoutMs: number },
  ) => Promise<ResponseOf<UnaryMethods<S>[M]>>;
};

export interface RpcClientOptions {
  /** Replicas as `host:port,host:port`, or a name to resolve, `dns:///host:port`. Calls are balanced round-robin. */
  address: string;
  /** Certificates for TLS; clear text if unset. */
  tls?: TlsFiles;
}

/** A client of a service with its close function. */
export interface OpenRpcClient<S extends DescService> {
  client: RpcClient<S>;
  /** Resolves once a replica is connected; rejects with UNAVAILABLE after `timeoutMs`. */
  ready(options: { timeoutMs: number }): Promise<void>;
  /** Resolves if a replica says that it is serving; rejects with UNAVAILABLE or, after `timeoutMs`, DEADLINE_EXCEEDED. */
  serving(options: { timeoutMs: number }): Promise<void>;
  close(): void;
}

/**
 * Opens a client, which connects on the first call and balances calls over all replicas. Retries a call after UNAVAILABLE
 * only if the proto declares its method idempotent.
 */
export function createRpcClient<S extends DescService>(service: S, options: RpcClientOptions): OpenRpcClient<S> {
  const to = target(options.address);
  expectFirstByte(to.split(","));
  const channel = new Client(to, options.tls ? clientCredentials(options.tls) : credentials.createInsecure(), {
    "grpc.service_config": JSON.stringify(serviceConfig(service)),
    "grpc.service_config_disable_resolution": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    // Reconnects to a restarted replica before the next one is restarted.
    "grpc.max_reconnect_backoff_ms": 500,
    // Drops a connection that hangs after four seconds, also one without calls.
    "grpc.keepalive_time_ms": 2_000,
    "grpc.keepalive_timeout_ms": 2_000,
    "grpc.keepalive_permit_without_calls": 1,
    // TLS has no names for IP addresses: https://www.rfc-editor.org/rfc/rfc6066#section-3
    ...(options.tls && to.startsWith("ipv4:") && { "grpc.ssl_target_name_override": options.tls.tlsServerName }),
    // Ignores proxy settings, which are meant for external traffic.
    "grpc.enable_http_proxy": 0,
  });
  const client: Record<string, unknown> = {};
  for (const method of unaryMethodsOf(service)) client[method.localName] = caller(channel, method);
  return {
    // A method for each of the descriptor's, which the compiler cannot follow.
    client: client as RpcClient<S>,
    ready: ({ timeoutMs }) =>
      new Promise((resolve, reject) =>
        channel.waitForReady(systemClock.now() + timeoutMs, (error) =>
          error ? reject(new ServiceError("UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 })) : resolve(),
        ),
      ),
    // Calls go to the replicas by turns.
    serving: ({ timeoutMs }) =>
      Promise.any(Array.from({ length: replicasAsked }, () => checkHealth(channel, service, timeoutMs))).catch(
        ({ errors }: AggregateError) => Promise.reject(errors[0]),
      ),
    close: () => channel.close(),
  };
}

/** Replicas that are asked for their health; one that serves is enough. */
const replicasAsked = 3;
const health = healthService.Check as MethodDefinition<{ service: string }, { status: string }>;

/** Asks grpc.health.v1 of one replica. Resolves if it is serving. */
function checkHealth(channel: Client, service: DescService, timeoutMs: number): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = health;
  const deadline = systemClock.now() + timeoutMs;
  const request = { service: service.typeName };
  return new Promise((resolve, reject) => {
    channel.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, { deadline }, (error, answer) => {
      if (error) reject(statusToError(error));
      else if (answer?.status === "SERVING") resolve();
      else reject(new ServiceError("UNAVAILABLE", `${service.typeName} is not serving.`, { retryAfterS: 1 }));
    });
  });
}

const noMetadata = new Metadata();

function toMetadata(carrier: Carrier): Metadata {
  const entries = Object.entries(carrier);
  if (entries.length === 0) return noMetadata;
  const metadata = new Metadata();
  for (const [name, value] of entries) metadata.set(name, value);
  return metadata;
}

function caller(channel: Client, method: DescMethodUnary) {
  const path = methodPath(method.parent, method.name);
  const { serialize } = codec(method.input);
  const { deserialize } = codec(method.output);
  return (request: never, { timeoutMs }: { timeoutMs: number }) =>
    new Promise((resolve, reject) => {
      if (!Number.isFinite(timeoutMs)) throw new TypeError(`timeoutMs must be a finite number, not ${timeoutMs}`);
      const message = create(method.input, request);
      const deadline = systemClock.now() + timeoutMs;
      const span = openSpan(path.slice(1), "client");
      const metadata = span.run(() => toMetadata(injectContext()));
      channel.makeUnaryRequest(path, serialize, deserialize, message, metadata, { deadline }, (error, answer) => {
        const failure = error ? statusToError(error) : undefined;
        span.end({ "rpc.system": "grpc" }, failure?.reason);
        if (failure) reject(failure);
        else resolve(answer);
      });
    });
}

/** Returns a list of addresses as one gRPC target; returns a target with a resolver unchanged. */
function target(address: string): string {
  if (/^[a-z0-9]+:\/\/\//.test(address)) return address;
  const addresses = address.split(",").map((one) => one.trim());
  return addresses.every((one) => /^\d+\.\d+\.\d+\.\d+:\d+$/.test(one))
    ? `ipv4:${addresses.join(",")}`
    : `dns:///${addresses.join(",")}`;
}

/** Returns the service config: https://github.com/grpc/grpc/blob/master/doc/service_config.md */
function serviceConfig(service: DescService): object {
  const idempotent = service.methods.filter(
    (method) => method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
  );
  return {
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: [
      {
        name: idempotent.map((method) => ({ service: service.typeName, method: method.name })),
        retryPolicy: {
          maxAttempts: 3,
          initialBackoff: "0.05s",
          maxBackoff: "0.5s",
          backoffMultiplier: 2,
          retryableStatusCodes: ["UNAVAILABLE"],
        },
      },
    ].filter((config) => config.name.length > 0),
    // Retry budget: retries stop once failures have used more than half of the tokens.
    retryThrottling: { maxTokens: 100, tokenRatio: 0.1 },
  };
}
