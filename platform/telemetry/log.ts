import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Logger, type LoggerOptions, pino } from "pino";
import type { ServiceError } from "../errors.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { createLogWriter, type LogWriter } from "./log-writer.ts";

export type { Logger } from "pino";

/** Opened with the first line, since it changes how standard output behaves, which tools print to. */
let writer: LogWriter | undefined;
const lazyWriter: LogWriter = {
  write(line) {
    writer ??= createLogWriter();
    writer.write(line);
  },
};

/** Creates a logger, which writes one JSON line per event to standard output. */
export function createLogger(options: { service: string; level: string }): Logger {
  const settings: LoggerOptions = {
    level: options.level,
    base: { service: options.service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: "message",
    errorKey: "error",
    formatters: { level: (label) => ({ level: label }) },
  };
  return pino(settings, lazyWriter);
}

/** Returns a message as plain data for logs. Fields that the proto marks `debug_redact` are hidden at any depth. */
export function redact<D extends DescMessage>(schema: D, message: MessageShape<D>): Record<string, unknown> {
  return redactFields(reflect(schema, message));
}

function redactFields(view: ReflectMessage): Record<string, unknown> {
  const set = view.fields.filter((field) => view.isSet(field));
  return Object.fromEntries(set.map((field) => [field.localName, redactField(view, field)]));
}

function redactField(view: ReflectMessage, field: DescField): unknown {
  if (field.proto.options?.debugRedact) return "[redacted]";
  if (field.fieldKind === "list") return [...view.get(field)].map(toPlain);
  return toPlain(view.get(field));
}

function toPlain(value: unknown): unknown {
  if (isReflectMessage(value)) return redactFields(value);
  return typeof value === "bigint" ? Number(value) : value;
}

/** Returns a function that logs outages (UNAVAILABLE, DEADLINE_EXCEEDED) at most once a second, with the number not logged. */
export function createOutageLog(
  log: Logger,
  about: Record<string, unknown>,
  clock: Pick<Clock, "monotonic"> = systemClock,
): (failure: ServiceError) => void {
  let quietUntil = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return (failure) => {
    if (failure.reason !== "UNAVAILABLE" && failure.reason !== "DEADLINE_EXCEEDED") return;
    const now = clock.monotonic();
    if (now < quietUntil) {
      unsaid++;
      return;
    }
    log.warn({ ...about, reason: failure.reason, error: failure.cause ?? failure, unsaid }, "not available");
    quietUntil = now + 1_000;
    unsaid = 0;
  };
}
