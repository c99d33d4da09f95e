import { ConfigError } from "../platform/config.ts";

/** Something that the person at the terminal can mend. Its message is one line that says what to do. */
export class Problem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Problem";
  }
}

/**
 * Runs what a command does. A Problem, or settings at fault, ends the process with its message; a mistaken option with the
 * usage too; anything else with its stack. `codesTell`: what has a code, as errors of the system and the database have, says
 * what it is as well.
 */
export function runCommand(
  main: () => Promise<void>,
  options: { usage?: string; exitCode?: number; codesTell?: boolean } = {},
): void {
  main().catch((error) => {
    const isMistaken = options.usage !== undefined && error?.code?.startsWith?.("ERR_PARSE_ARGS");
    const known = error instanceof Problem || error instanceof ConfigError || isMistaken;
    const told = known || (options.codesTell && error.code) ? error.message : error.stack;
    process.stderr.write(`${told}${isMistaken ? `\n\n${options.usage}` : ""}\n`);
    process.exit(options.exitCode ?? 1);
  });
}
