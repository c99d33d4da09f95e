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
import type { Closer } from "../process/closer.ts";
import { integer, url } from "../process/config.ts";

/** What every service reads about traces. */
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

/** Names a call in the headers or metadata that it travels with: https://www.w3.org/TR/trace-context/ */
export type Carrier = Record<string, string>;

let isOn = false;
const exportTimeoutMs = 2_000;

/** Begins to trace this process, if there is somewhere to send traces. Call it once, before anything is traced. */
export function openTracing(options: {
  service: string;
  otlpEndpoint: string;
  tracePerMille: number;
  /** Whether strangers call this process. */
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
      // Anyone may claim to be traced; inside, whoever called has decided.
      ...(options.isPublic && { remoteParentSampled: sampled, remoteParentNotSampled: sampled }),
    }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  isOn = true;
  options.closer.defer("traces", () => provider.shutdown());
}

/** What runs in a trace of its caller's, if the caller named one. */
export function withRemoteParent<T>(carrier: Carrier, work: () => T): T {
  return isOn ? context.with(propagation.extract(context.active(), carrier), work) : work();
}

/** What a call has to carry so that what it causes is in the same trace; empty if nothing is traced. */
export function injectContext(): Carrier {
  const carrier: Carrier = {};
  if (isOn) propagation.inject(context.active(), carrier);
  return carrier;
}

const asItIs = <T>(work: () => T): T => work();

/** Runs something later as a part of what is running now. */
export function bindContext(): <T>(work: () => T) => T {
  if (!isOn) return asItIs;
  const here = context.active();
  return (work) => context.with(here, work);
}

/** Runs something as a part of nothing: what goes on after the request that began it. */
export function withRootContext<T>(work: () => T): T {
  return isOn ? context.with(ROOT_CONTEXT, work) : work();
}

/** A piece of work that is being traced. */
export interface OpenSpan {
  /** Runs something as a part of it. */
  run<T>(work: () => T): T;
  /** Ends it; with the reason, if it failed. */
  end(attributes: Attributes, failure?: string): void;
}

const nothing: OpenSpan = { run: (work) => work(), end: () => {} };

/** Begins a piece of work as a part of what is running, or of nothing. Attributes are never names, keys or addresses. */
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
