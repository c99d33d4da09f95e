/** How commands are described: usage lines, `--help`, and the sections of docs/commands.md. */
import { type Command, flagOf, type Input, type Tool } from "./command.ts";

const indent = "  ";
const help: [string, string] = ["-h, --help", "prints this"];

/** The call and what follows it; npm takes what stands before `--` for itself. */
export function callOf(tool: Tool, rest: string): string {
  if (rest === "") return tool.call;
  return tool.call.startsWith("npm ") ? `${tool.call} -- ${rest}` : `${tool.call} ${rest}`;
}

/** The usage line of a command: `npm run -s admin -- account show ACCOUNT_ID [--json]`. */
export function usageOf(tool: Tool, command: Command): string {
  const positional = Object.entries(command.arguments ?? {}).map(([name, input]) =>
    inUsage(input, placeholderOf(name, input)),
  );
  const options = Object.entries(command.options ?? {}).map(([name, input]) => inUsage(input, optionOf(name, input)));
  return callOf(tool, [command.name, ...positional, ...options].filter((part) => part !== "").join(" "));
}

function inUsage({ required, repeatable }: Input, text: string): string {
  return `${required ? text : `[${text}]`}${repeatable ? "..." : ""}`;
}

function placeholderOf(name: string, { choices, value }: Input): string {
  return choices?.join("|") ?? value ?? name.toUpperCase();
}

function optionOf(name: string, input: Input): string {
  return input.type === "flag" ? flagOf(name) : `${flagOf(name)} ${placeholderOf(name, input)}`;
}

/** What an input means, with its bounds and default. */
function meaningOf({ type, meaning, min = 0, max, default: fallback, choices }: Input): string {
  const bounds = type === "integer" && max !== undefined ? [`${min} to ${max.toLocaleString("en")}`] : [];
  const notes = [
    ...(choices ? [] : bounds),
    ...(fallback === undefined || fallback === "" ? [] : [`${fallback} if left out`]),
  ];
  return notes.length > 0 ? `${meaning} (${notes.join("; ")})` : meaning;
}

function inputsOf(command: Command): { positional: [string, string][]; options: [string, string][] } {
  return {
    positional: Object.entries(command.arguments ?? {}).map(([name, input]) => [
      input.value ?? name.toUpperCase(),
      meaningOf(input),
    ]),
    options: Object.entries(command.options ?? {}).map(([name, input]) => [optionOf(name, input), meaningOf(input)]),
  };
}

/** What `--help` prints of one command. */
export function helpOf(tool: Tool, command: Command, width: number): string {
  const { positional, options } = inputsOf(command);
  const section = (title: string, rows: [string, string][]) => (rows.length > 0 ? [title, list(rows, width)] : []);
  return [
    `Usage: ${usageOf(tool, command)}`,
    wrap(command.summary, width).join("\n"),
    ...(command.details ? [paragraphs(command.details, width)] : []),
    [...section("Arguments:", positional), ...section("Options:", [...options, help])].join("\n"),
  ].join("\n\n");
}

/** What a tool prints of all its commands whose names begin with a word, or of all. */
export function listCommands(tool: Tool, noun: string, width: number): string {
  const commands = tool.commands.filter(({ name }) => noun === "" || name.startsWith(`${noun} `));
  const rows = commands.map((command): [string, string] => {
    const positional = Object.entries(command.arguments ?? {}).map(([name, input]) =>
      inUsage(input, placeholderOf(name, input)),
    );
    return [[command.name, ...positional].join(" "), command.summary];
  });
  return [
    `Usage: ${callOf(tool, `${noun === "" ? "COMMAND" : `${noun} COMMAND`} [OPTIONS]`)}`,
    ...(noun === "" ? [wrap(tool.summary, width).join("\n")] : []),
    `Commands:\n${list(rows, width)}`,
    `${callOf(tool, `${commands[0]?.name} --help`)}\nexplains a command and its options; so for each.`,
    ...(noun === "" && tool.details ? [paragraphs(tool.details, width)] : []),
  ].join("\n\n");
}

/** The tool's section of docs/commands.md. */
export function describeTool(tool: Tool): string {
  const title = `## \`${tool.call}\``;
  const about = [tool.summary, ...(tool.details ? [tool.details] : [])];
  const parts = tool.commands.flatMap((command) => {
    const { positional, options } = inputsOf(command);
    const rows = [...positional, ...options];
    const cell = (text: string) => text.replaceAll("|", "\\|");
    const table = rows.map(([name, meaning]) => `| \`${cell(name)}\` | ${cell(meaning)} |`);
    return [
      ...(command.name ? [`### \`${command.name}\``, command.summary] : []),
      ...(command.name && command.details ? [command.details] : []),
      `\`\`\`\n${usageOf(tool, command)}\n\`\`\``,
      ...(rows.length > 0 ? [["| input | meaning |", "| --- | --- |", ...table].join("\n")] : []),
    ];
  });
  return [title, ...about, ...parts].join("\n\n");
}

/** Two columns; the second is wrapped, and begins on a line of its own where the first is wide. */
function list(rows: [string, string][], width: number): string {
  const widest = Math.min(28, Math.max(...rows.map(([name]) => name.length)));
  const lines = rows.flatMap(([name, meaning]) => {
    const [first = "", ...rest] = wrap(meaning, Math.max(20, width - widest - 4));
    const gap = " ".repeat(widest + 4);
    const head =
      name.length > widest ? [`${indent}${name}`, `${gap}${first}`] : [`${indent}${name.padEnd(widest)}  ${first}`];
    return [...head, ...rest.map((line) => `${gap}${line}`)];
  });
  return lines.join("\n");
}

function paragraphs(text: string, width: number): string {
  return text
    .split("\n\n")
    .map((one) => wrap(one, width).join("\n"))
    .join("\n\n");
}

/** Lines of at most so many characters, broken at blanks. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
