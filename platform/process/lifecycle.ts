import { createLogger, type Logger } from "../telemetry/log.ts";
import { type Metrics, type metricsAddress, openMetrics } from "../telemetry/metrics.ts";
import { openTracing, type tracingSettings } from "../telemetry/tracing.ts";
import { registerBuildInfo, version } from "./build-info.ts";
import { createCloser } from "./closer.ts";
import { type Config, ConfigError, type commonSettings, loadConfig, type Settings } from "./config.ts";
import { type Health, openHealth } from "./health.ts";

/** A running service. */
export interface Running {
  /** Listen address, `host:port` with the actual port. */
  address: string;
  /** Further values reported to the parent process. */
  announce?: Record<string, string>;
  /** Stops accepting work, finishes work in flight, and closes all resources. */
  close(): Promise<void>;
}

/** Settings of every service, with the address of its metrics. */
type SharedSettings = typeof commonSettings &
  typeof tracingSettings & { metricsListen: ReturnType<typeof metricsAddress> };

type ServiceSettings = Settings & SharedSettings;

/** Starts a service. */
export type Start<S extends ServiceSettings> = (
  config: Config<S>,
  log: Logger,
  metrics: Metrics,
  health: Health,
) => Promise<Running>;

export interface ServiceDefinition<S extends ServiceSettings> {
  name: string;
  /** Whether untrusted clients call it. */
  isPublic?: boolean;
  settings: S;
  start: Start<S>;
}

/**
 * Runs a service process: reads settings, starts, waits for a signal, drains, exits.
 *
 * Stops on SIGTERM, on SIGINT, and when the IPC channel to the parent process closes. Exit codes: 0 after a clean stop, 1
 * after a failure, 2 for invalid settings.
 */
export async function run<S extends ServiceSettings>(service: ServiceDefinition<S>): Promise<void> {
  let config: Config<S>;
  try {
    config = loadConfig(service.settings);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${service.name} cannot start, its settings are at fault:\n${error.message}\n`);
    process.exit(2);
  }
  // S has these settings, which the compiler cannot see through the mapped type of a generic.
  const shared = config as Config<SharedSettings>;
  const log = createLogger({ service: service.name, level: shared.logLevel });
  process.on("uncaughtException", (error) => {
    log.fatal({ error }, "uncaught exception");
    process.exit(1);
  });

  const closer = createCloser(log);
  let health: Health | undefined;
  let stopping = false;
  async function stop(why: string): Promise<void> {
    if (stopping) return;
    stopping = true;
    log.info({ why }, "stopping");
    health?.setServing(false);
    const { drainMs } = shared;
    setTimeout(() => {
      log.error({ drainMs }, "could not drain in time");
      process.exit(1);
    }, drainMs).unref();
    await closer.close();
    log.info("stopped");
    process.exit(0);
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));
  process.on("disconnect", () => void stop("parent process is gone"));

  try {
    openTracing({
      ...shared,
      service: service.name,
      isPublic: service.isPublic ?? false,
      closer,
    });
    const metrics = await openMetrics({ listen: shared.metricsListen, closer });
    registerBuildInfo(metrics);
    health = await openHealth({ listen: shared.healthListen, closer });
    const running = await service.start(config, log, metrics, health);
    closer.defer(service.name, () => running.close());
    if (!stopping) health.setServing(true);
    log.info({ version, address: running.address, metrics: metrics.address }, "ready");
    process.send?.({ ready: running.address, metrics: metrics.address, ...running.announce });
  } catch (error) {
    log.fatal({ error }, "could not start");
    process.exit(1);
  }
}
