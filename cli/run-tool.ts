import {
  type Command,
  defineTool,
  type Inputs,
  parseCommandLine,
  type Request,
  type Tool,
  type Values,
} from "./command.ts";
import { callOf, helpOf, listCommands } from "./command-help.ts";
import { describeError, UsageError } from "./errors.ts";
import { findOptionOfNpm } from "./npm-options.ts";
import { terminalWidth } from "./table.ts";

/** The exit code of a mistake in what was typed. */
const usageCode = 2;
const helpWidthMax = 100;

/**
 * Runs a tool on a command line. Help goes to stdout. A mistake in what was typed is one line on stderr and exit code 2,
 * another failure one line and the tool's `failureCode`; a fault of ours prints its stack.
 */
export function runTool(tool: Tool, args: readonly string[] = process.argv.slice(2)): void {
  // The reader of a pipe may stop early: `... | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  const { command, values } = readOrExit(tool, args);
  command.run(values as never).catch((error) => exitWith(tool, command.name, error));
}

/** The options of a script that is all its file, such as a measurement. Prints help or a mistake and ends the process. */
// biome-ignore lint/complexity/noBannedTypes: a script without options has no values
export function readScriptOptions<const O extends Inputs = {}>(
  script: Pick<Tool, "call" | "summary"> & { options?: O },
): Values<O> {
  const tool = defineTool({ ...script, run: async () => {} });
  return readOrExit(tool, process.argv.slice(2)).values as Values<O>;
}

function readOrExit(tool: Tool, args: readonly string[]) {
  let name = "";
  try {
    const request = parseCommandLine(tool, args);
    if (request.kind !== "run") {
      process.stdout.write(`${describe(tool, request)}\n`);
      process.exit(0);
    }
    name = request.command.name;
    throwIfNpmTookOption(tool, request.command, args);
    return { command: request.command, values: request.readValues() };
  } catch (error) {
    return exitWith(tool, name, error);
  }
}

function throwIfNpmTookOption(tool: Tool, command: Command, args: readonly string[]): void {
  const flag = findOptionOfNpm(Object.keys(command.options ?? {}), args, process.env);
  if (!flag) return;
  const call = callOf(tool, `${command.name} ${flag}`.trim());
  throw new UsageError(`npm took ${flag} for itself: write ${call} instead.`);
}

function describe(tool: Tool, request: Exclude<Request, { kind: "run" }>): string {
  const width = Math.min(terminalWidth() ?? helpWidthMax, helpWidthMax);
  return request.kind === "list" ? listCommands(tool, request.noun, width) : helpOf(tool, request.command, width);
}

function exitWith(tool: Tool, name: string, error: unknown): never {
  const isUsage = error instanceof UsageError;
  const hint = isUsage ? ` Help: ${callOf(tool, `${name} --help`.trim())}` : "";
  process.stderr.write(`${describeError(error)}${hint}\n`);
  process.exit(isUsage ? usageCode : (tool.failureCode ?? 1));
}
