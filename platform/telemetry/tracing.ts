import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { withTimeout } from "../concurrency/timeout.ts";
import type { Closer } from "../process/closer.ts";
import { integer, url } from "../process/config.ts";

/** Settings of tracing. */
export const tracingSettings = {
  otlpEndpoint: url(
    "OTLP_ENDPOINT",
    "where traces are sent, OpenTelemetry over HTTP, such as http://collector:4318; unset, none are made",
    ["http", "https"],
    "",
  ),
  tracePerMille: integer("TRACE_PER_MILLE", "how many of a thousand requests are traced, by their trace ids", 100, {
    max: 1_000,
  }),
};

/** Trace context in headers or metadata: https://www.w3.org/TR/trace-context/ */
export type Carrier = Record<string, string>;

let isOn = false;
const exportTimeoutMs = 2_000;

/** Starts tracing this process if an endpoint is configured. Call it once, before the first span. */
export function openTracing(options: {
  service: string;
  otlpEndpoint: string;
  tracePerMille: number;
  /** Whether untrusted clients call this process. */
  isPublic: boolean;
  closer: Closer;
}): void {
  if (options.otlpEndpoint === "") return;
  const exporter = new OTLPTraceExporter({ url: `${options.otlpEndpoint}/v1/traces`, timeoutMillis: exportTimeoutMs });
  const sampled = new TraceIdRatioBasedSampler(options.tracePerMille / 1_000);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": `qrforge-${options.service}` }),
    sampler: new ParentBasedSampler({
      root: sampled,
      // A public process ignores the sampling decision of its clients; others follow that of their caller.
      ...(options.isPublic && { remoteParentSampled: sampled, remoteParentNotSampled: sampled }),
    }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  isOn = true;
  options.closer.defer("traces", () => withTimeout(provider.shutdown(), exportTimeoutMs));
}

/** Runs `work` with the remote parent of a carrier, if it names one. */
export function withRemoteParent<T>(carrier: Carrier, work: () => T): T {
  return isOn ? context.with(propagation.extract(context.active(), carrier), work) : work();
}

/** Returns the carrier of the current context for an outgoing call; empty if tracing is off. */
export function injectContext(): Carrier {
  const carrier: Carrier = {};
  if (isOn) propagation.inject(context.active(), carrier);
  return carrier;
}

const runDirectly = <T>(work: () => T): T => work();

/** Returns a function that runs work in the current context, at a later time. */
export function bindContext(): <T>(work: () => T) => T {
  if (!isOn) return runDirectly;
  const here = context.active();
  return (work) => context.with(here, work);
}

/** Runs `work` outside the current trace, for background work that outlives its request. */
export function withRootContext<T>(work: () => T): T {
  return isOn ? context.with(ROOT_CONTEXT, work) : work();
}

/** A started span. */
export interface OpenSpan {
  /** Runs `work` with this span as parent. */
  run<T>(work: () => T): T;
  /** Ends the span; `failure` is the reason if the work failed. */
  end(attributes: Attributes, failure?: string): void;
}

const nothing: OpenSpan = { run: (work) => work(), end: () => {} };

/** Starts a span in the current context. Attributes must not hold names, keys or addresses. */
export function openSpan(name: string, kind: "server" | "client"): OpenSpan {
  if (!isOn) return nothing;
  const spanKind = kind === "server" ? SpanKind.SERVER : SpanKind.CLIENT;
  const span: Span = trace.getTracer("qrforge").startSpan(name, { kind: spanKind });
  const inside: Context = trace.setSpan(context.active(), span);
  return {
    run: (work) => context.with(inside, work),
    end(attributes, failure) {
      span.setAttributes(attributes);
      if (failure) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      span.end();
    },
  };
}
