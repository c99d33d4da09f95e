import { ServiceError } from "../platform/errors.ts";
import { ConfigError } from "../platform/process/config.ts";

/** Something that the person at the terminal can mend. Its message is one line that says what to do. */
export class UserError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UserError";
  }
}

/** A mistake in what was typed: an unknown command, a missing option, a value out of range. */
export class UsageError extends UserError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}

/**
 * Returns what to print of an error: the message of one that is expected, and of one with a code, as errors of the system
 * and of the database have; the stack of anything else, which is a fault of ours.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UserError || error instanceof ConfigError || error instanceof ServiceError) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string" && !code.startsWith("ERR_")) return error.message || code;
  return error.stack ?? error.message;
}
