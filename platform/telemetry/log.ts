import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type Logger, pino } from "pino";
import type { ServiceError } from "../errors.ts";

export type { Logger } from "pino";

/** A logger that writes one JSON line per event to standard output. */
export function createLogger(options: { service: string; level: string }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: "message",
    errorKey: "error",
    formatters: { level: (label) => ({ level: label }) },
  });
}

/** A message as plain data for a log line, without the fields that its proto marks `debug_redact`, at any depth. */
export function redact<D extends DescMessage>(schema: D, message: MessageShape<D>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const view = reflect(schema, message);
  for (const field of schema.fields) {
    if (!view.isSet(field)) continue;
    const value = (message as Record<string, unknown>)[field.localName];
    if (field.proto.options?.debugRedact) result[field.localName] = "[redacted]";
    else if (field.fieldKind === "message") result[field.localName] = redact(field.message, value as Message);
    else if (field.fieldKind === "list" && field.listKind === "message") {
      result[field.localName] = (value as Message[]).map((item) => redact(field.message, item));
    } else result[field.localName] = typeof value === "bigint" ? Number(value) : value;
  }
  return result;
}

/** Logs why something was not available or not in time: the first, and then at most one a second with how many there were. */
export function createOutageLog(log: Logger, about: Record<string, unknown>): (failure: ServiceError) => void {
  let quietUntil = 0;
  let unsaid = 0;
  return (failure) => {
    if (failure.reason !== "UNAVAILABLE" && failure.reason !== "DEADLINE_EXCEEDED") return;
    const now = Date.now();
    if (now < quietUntil) {
      unsaid++;
      return;
    }
    log.warn({ ...about, reason: failure.reason, error: failure.cause ?? failure, unsaid }, "not available");
    quietUntil = now + 1_000;
    unsaid = 0;
  };
}
