import { createLogger, type Logger } from "../telemetry/log.ts";
import { type Metrics, type metricsAddress, openMetrics } from "../telemetry/metrics.ts";
import { openTracing, type tracingSettings } from "../telemetry/tracing.ts";
import { registerBuildInfo, version } from "./build-info.ts";
import { createCloser } from "./closer.ts";
import { type Config, ConfigError, type commonSettings, loadConfig, type Settings } from "./config.ts";
import { type Health, openHealth } from "./health.ts";

/** What a running service offers to whoever started it. */
export interface Running {
  /** Where it listens, `host:port` with the real port. */
  address: string;
  /** Other things to tell whoever started the process. */
  announce?: Record<string, string>;
  /** Stops taking work, finishes what has begun, and closes everything. */
  close(): Promise<void>;
}

/** What every service reads, and where its metrics are. */
type SharedSettings = typeof commonSettings &
  typeof tracingSettings & { metricsListen: ReturnType<typeof metricsAddress> };

type ServiceSettings = Settings & SharedSettings;

/** Builds a service of its settings and starts it. */
export type Start<S extends ServiceSettings> = (
  config: Config<S>,
  log: Logger,
  metrics: Metrics,
  health: Health,
) => Promise<Running>;

export interface ServiceDefinition<S extends ServiceSettings> {
  name: string;
  /** Whether strangers call it. */
  isPublic?: boolean;
  settings: S;
  start: Start<S>;
}

/**
 * The whole life of a service process: settings, start, wait, drain, exit.
 *
 * It stops on SIGTERM, on SIGINT, and when the process that started it over an IPC channel is gone. Exit codes: 0 after
 * a clean stop, 1 after a failure, 2 for settings at fault.
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
