import { createServer } from "node:http";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import type { Closer } from "../process/closer.ts";
import { listenAddress, type Setting } from "../process/config.ts";
import { portOf } from "../process/port.ts";

/** Labels of a series. Values must come from small fixed sets. */
export type Labels = Record<string, string>;

/** Metrics of a process. Names follow Prometheus, without the prefix `qrforge_`. */
export interface Metrics {
  /** Creates a counter; its name gets the suffix `_total`. */
  counter(name: string, help: string): (labels?: Labels, by?: number) => void;
  /** Creates a histogram of durations in seconds, with buckets from 1 ms to 10 s; its name gets the suffix `_seconds`. */
  duration(name: string, help: string): (seconds: number, labels?: Labels) => void;
  /** Creates a gauge, whose value is read on each scrape. */
  gauge(name: string, help: string, read: () => number, labels?: Labels): void;
}

/** Returns the setting of the address of metrics. */
export function metricsAddress(fallback: string): Setting<{ host: string; port: number }> {
  return listenAddress("METRICS_LISTEN_ADDRESS", "where metrics are served, host:port, path /metrics", fallback);
}

const bucketsS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const endMs = 500;

/** Serves the metrics of a process in the Prometheus text format. Returns them with their address. */
export async function openMetrics(options: {
  listen: { host: string; port: number };
  closer: Closer;
}): Promise<Metrics & { address: string }> {
  const exporter = new PrometheusExporter({
    preventServerStart: true,
    prefix: "qrforge",
    withoutScopeInfo: true,
    withoutTargetInfo: true,
  });
  const provider = new MeterProvider({ readers: [exporter] });
  const meter = provider.getMeter("qrforge");
  const { host } = options.listen;
  const server = createServer({ requestTimeout: 5_000, keepAliveTimeout: 5_000 }, (request, response) => {
    if (request.url === "/metrics") exporter.getMetricsRequestHandler(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`cannot serve metrics on ${host}:${options.listen.port}: ${error.message}`)),
    );
    server.listen(options.listen.port, host, resolve);
  });
  options.closer.defer("metrics", async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    const cut = setTimeout(() => server.closeAllConnections(), endMs);
    server.closeIdleConnections();
    await closed;
    clearTimeout(cut);
    await provider.shutdown();
  });
  return {
    address: `${host}:${portOf(server)}`,
    counter(name, help) {
      const counter = meter.createCounter(name, { description: help });
      return (labels, by = 1) => counter.add(by, labels);
    },
    duration(name, help) {
      const advice = { explicitBucketBoundaries: bucketsS };
      const histogram = meter.createHistogram(`${name}_seconds`, { description: help, advice });
      return (seconds, labels) => histogram.record(seconds, labels);
    },
    gauge(name, help, read, labels) {
      const gauge = meter.createObservableGauge(name, { description: help });
      gauge.addCallback((result) => result.observe(read(), labels));
    },
  };
}
