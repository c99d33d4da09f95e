import { parseCommandLine, type Tool } from "./command.ts";
import { callOf, helpOf, listCommands } from "./command-help.ts";
import { describeError, UsageError } from "./problem.ts";
import { terminalWidth } from "./table.ts";

/** The exit code of a mistake in what was typed. */
const usageCode = 2;
const helpWidthMax = 100;

/**
 * Runs a tool on a command line. Help goes to stdout. A mistake in what was typed is one line on stderr and exit code 2,
 * another failure one line and the tool's `failureCode`; a fault of ours prints its stack.
 */
export function runTool(tool: Tool, args: readonly string[] = process.argv.slice(2)): void {
  // Whoever reads may stop early: `... | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  const width = Math.min(terminalWidth() ?? helpWidthMax, helpWidthMax);
  const print = (text: string) => process.stdout.write(`${text}\n`);
  let helpCall = callOf(tool, "--help");
  async function run(): Promise<void> {
    const request = parseCommandLine(tool, args);
    if (request.kind === "list") return void print(listCommands(tool, request.noun, width));
    if (request.kind === "help") return void print(helpOf(tool, request.command, width));
    helpCall = callOf(tool, `${request.command.name} --help`.trim());
    await request.command.run(request.readValues() as never);
  }
  run().catch((error) => {
    const isUsage = error instanceof UsageError;
    process.stderr.write(`${describeError(error)}${isUsage ? ` Help: ${helpCall}` : ""}\n`);
    process.exit(isUsage ? usageCode : (tool.failureCode ?? 1));
  });
}
