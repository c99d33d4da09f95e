import { type Config, ConfigError, type commonSettings, loadConfig, type Settings } from "./config.ts";
import { createLogger, type Logger } from "./log.ts";

/** Collects what must be closed, each beside its opening, and closes it in the opposite order. */
export interface Closer {
  /** Registers a close for something just opened. */
  defer(name: string, close: () => Promise<unknown> | unknown): void;
  /** Closes everything, newest first; a close that fails is logged and does not stop the rest. Runs once. */
  close(): Promise<void>;
}

export function createCloser(log: Logger): Closer {
  const stack: { name: string; close: () => Promise<unknown> | unknown }[] = [];
  let closing: Promise<void> | undefined;
  async function closeAll(): Promise<void> {
    for (let entry = stack.pop(); entry; entry = stack.pop()) {
      try {
        await entry.close();
        log.debug({ name: entry.name }, "closed");
      } catch (error) {
        log.error({ error, name: entry.name }, "failed to close");
      }
    }
  }
  return {
    defer: (name, close) => stack.push({ name, close }),
    close: () => {
      closing ??= closeAll();
      return closing;
    },
  };
}

/** What a running service offers to whoever started it. */
export interface Running {
  /** Where it listens, `host:port` with the real port. */
  address: string;
  /** Stops taking work, finishes what has begun, and closes everything. */
  close(): Promise<void>;
}

export interface ServiceDefinition<S extends Settings & typeof commonSettings> {
  name: string;
  settings: S;
  start(config: Config<S>, log: Logger): Promise<Running>;
}

/**
 * The whole life of a service process: settings, start, wait, drain, exit.
 *
 * It stops on SIGTERM, on SIGINT, and when the process that started it over an IPC channel is gone. Exit codes: 0 after
 * a clean stop, 1 after a failure, 2 for settings at fault.
 */
export async function run<S extends Settings & typeof commonSettings>(service: ServiceDefinition<S>): Promise<void> {
  let config: Config<S>;
  try {
    config = loadConfig(service.settings);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${service.name} cannot start, its settings are at fault:\n${error.message}\n`);
    process.exit(2);
  }
  const log = createLogger({ service: service.name, level: config.logLevel as string });
  process.on("uncaughtException", (error) => {
    log.fatal({ error }, "uncaught exception");
    process.exit(1);
  });

  let running: Running | undefined;
  let stopping = false;
  async function stop(why: string): Promise<void> {
    if (stopping) return;
    stopping = true;
    log.info({ why }, "stopping");
    const drainMs = config.drainMs as number;
    setTimeout(() => {
      log.error({ drainMs }, "could not drain in time");
      process.exit(1);
    }, drainMs).unref();
    await running?.close();
    log.info("stopped");
    process.exit(0);
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));
  process.on("disconnect", () => void stop("parent process is gone"));

  try {
    running = await service.start(config, log);
  } catch (error) {
    log.fatal({ error }, "could not start");
    process.exit(1);
  }
  log.info({ address: running.address }, "ready");
  process.send?.({ ready: running.address });
}
