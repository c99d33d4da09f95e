/**
 * What every command-line tool is made of. A tool declares its commands as data; parsing, usage lines, `--help` and
 * docs/commands.md all come from that one declaration.
 */
import { parseArgs } from "node:util";
import { closest, distance } from "fastest-levenshtein";
import { UsageError } from "./errors.ts";

/** A positional argument or an option. */
export interface Input {
  type: "text" | "integer" | "flag";
  /** Stands for the value in usage lines, for example ACCOUNT_ID; unused by flags and where there are `choices`. */
  value?: string;
  /** What it does, with its unit. */
  meaning: string;
  required?: boolean;
  /** May be given several times; its value is a list. */
  repeatable?: boolean;
  choices?: readonly string[];
  /** Bounds of an integer, both included. */
  min?: number;
  max?: number;
  default?: string | number;
  /** Returns what is wrong with a text, to follow its name ("must be …"); undefined if nothing is. */
  check?(text: string): string | undefined;
}

export type Inputs = Record<string, Input>;

type One<I extends Input> = I extends { type: "integer" }
  ? number
  : I extends { choices: readonly (infer Choice)[] }
    ? Choice
    : string;
type Value<I extends Input> = I extends { type: "flag" }
  ? boolean
  : I extends { repeatable: true }
    ? One<I>[]
    : I extends { required: true } | { default: string | number }
      ? One<I>
      : One<I> | undefined;

/** The values that a command is run with, by the names of its inputs. */
export type Values<I extends Inputs> = { [Name in keyof I]: Value<I[Name]> };

export interface Command<A extends Inputs = Inputs, O extends Inputs = Inputs> {
  /** The words that select it, for example `account create`; empty for the only command of a tool. */
  name: string;
  /** One sentence. */
  summary: string;
  /** Further paragraphs of its help. */
  details?: string;
  /** Positional arguments in their order; those that may be left out come last. */
  arguments?: A;
  /** Options; `perMinute` is typed as `--per-minute`. */
  options?: O;
  run(values: Values<A> & Values<O>): Promise<void>;
}

/** A script of package.json, or a file that Node runs. */
export interface Tool {
  /** How it is called: `npm run -s admin`. */
  call: string;
  /** One sentence. */
  summary: string;
  details?: string | undefined;
  commands: readonly Command[];
  /** The exit code of a failure that is no mistake in what was typed; 1 if unset. */
  failureCode?: number | undefined;
}

/** Declares a command; the inputs' types become those of the values that `run` takes. */
// biome-ignore lint/complexity/noBannedTypes: a command without inputs has no values
export function defineCommand<const A extends Inputs = {}, const O extends Inputs = {}>(
  command: Command<A, O>,
): Command {
  return command as unknown as Command;
}

/** Declares a tool of one command, which shares its summary and details. */
// biome-ignore lint/complexity/noBannedTypes: a command without inputs has no values
export function defineTool<const A extends Inputs = {}, const O extends Inputs = {}>(
  tool: Omit<Tool, "commands"> & Omit<Command<A, O>, "name">,
): Tool {
  const { call, failureCode, ...command } = tool;
  const { summary, details } = tool;
  return { call, failureCode, summary, details, commands: [defineCommand<A, O>({ name: "", ...command })] };
}

/** What a command line asks for. */
export type Request =
  | { kind: "help"; command: Command }
  /** The commands whose names begin with a noun, or all if it is empty. */
  | { kind: "list"; noun: string }
  /** `readValues` throws a UsageError that names the first mistake in the arguments and options. */
  | { kind: "run"; command: Command; readValues(): Record<string, unknown> };

/** Returns an option's name as it is typed: `--per-minute` for perMinute. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Returns the known name that a mistyped one is close to, as a question to append; empty if none is. */
export function suggest(typed: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const nearest = closest(typed, known);
  const isNear = distance(typed, nearest) <= Math.max(2, Math.floor(nearest.length / 3));
  return isNear ? ` Did you mean ${nearest}?` : "";
}

/** Finds out what a command line asks for. Throws a UsageError if it names no command. */
export function parseCommandLine(tool: Tool, args: readonly string[]): Request {
  const tokens = tokenize(tool, args);
  const words = tokens.filter((token) => token.kind === "positional").map(({ value }) => value);
  const command = findCommand(tool, words);
  if (typeof command === "string") return { kind: "list", noun: command };
  const wantsHelp = tokens.some((token) => token.kind === "option" && token.name === "help");
  if (wantsHelp) return { kind: "help", command };
  const positional = words.slice(command.name === "" ? 0 : command.name.split(" ").length);
  return {
    kind: "run",
    command,
    readValues() {
      const given = collectOptions(command, tokens);
      return { ...readArguments(command, positional), ...readOptions(command, given) };
    },
  };
}

/** The texts of each option that was given; those of a flag are empty. */
function collectOptions({ options = {} }: Command, tokens: Token[]): Map<string, string[]> {
  const known = new Map(Object.entries(options).map(([name, input]) => [flagOf(name), { name, input }]));
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const option = known.get(token.rawName);
    if (!option) {
      throw new UsageError(`There is no option ${token.rawName}.${suggest(token.rawName, [...known.keys()])}`);
    }
    given.set(option.name, [...(given.get(option.name) ?? []), readOptionText(token, option.input)]);
  }
  return given;
}

type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];

/** The words and options of a command line; whether an option takes a value is the same for all commands of a tool. */
function tokenize(tool: Tool, args: readonly string[]): Token[] {
  const inputs = tool.commands.flatMap(({ options }) => Object.entries(options ?? {}));
  const options = Object.fromEntries(
    inputs.map(([name, { type }]) => [
      flagOf(name).slice(2),
      { type: type === "flag" ? "boolean" : "string" } as const,
    ]),
  );
  const help = { type: "boolean", short: "h" } as const;
  const parsed = parseArgs({
    args: [...args],
    options: { ...options, help },
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  return parsed.tokens;
}

/** The command that the first words select, or the words that begin several. */
function findCommand(tool: Tool, words: string[]): Command | string {
  const [only] = tool.commands;
  if (tool.commands.length === 1 && only?.name === "") return only;
  const exact = tool.commands.find(({ name }) => `${words.join(" ")} `.startsWith(`${name} `));
  if (exact) return exact;
  const names = tool.commands.map(({ name }) => name);
  const [noun = "", ...rest] = words;
  const ofNoun = names.filter((name) => name.startsWith(`${noun} `));
  if (words.length === 0 || (ofNoun.length > 0 && rest.length === 0)) return noun;
  const typed = words.slice(0, 2).join(" ");
  const nouns = names.map((name) => name.split(" ")[0] as string);
  const known = ofNoun.length > 0 ? ofNoun : rest.length === 0 ? nouns : names;
  throw new UsageError(`There is no command "${typed}".${suggest(typed, known)}`);
}

function readOptionText(token: Token & { kind: "option" }, { type }: Input): string {
  const { rawName, value, inlineValue } = token;
  if (type === "flag") {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value.`);
    return "";
  }
  // The next option was meant as such; a number may be negative, and is refused by its bounds.
  const isOption = !inlineValue && value !== undefined && /^-\D/.test(value);
  if (value === undefined || value === "" || isOption) throw new UsageError(`${rawName} needs a value after it.`);
  return value;
}

function readArguments({ arguments: inputs = {} }: Command, words: string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const rest = [...words];
  for (const [name, input] of Object.entries(inputs)) {
    const texts = input.repeatable ? rest.splice(0) : rest.splice(0, 1);
    values[name] = readValue(input.value ?? name, input, texts);
  }
  if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one argument too many.`);
  return values;
}

function readOptions({ options = {} }: Command, given: Map<string, string[]>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([name, input]) => [name, readValue(flagOf(name), input, given.get(name) ?? [])]),
  );
}

/** The value of an input that was given so many times; `label` names it in errors. */
function readValue(label: string, input: Input, texts: string[]): unknown {
  if (input.required && texts.length === 0) throw new UsageError(`${label} is missing: ${input.meaning}.`);
  if (input.repeatable) return texts.map((text) => convert(label, input, text));
  if (texts.length > 1) throw new UsageError(`${label} is given more than once.`);
  const [text] = texts;
  if (input.type === "flag") return text !== undefined;
  return text === undefined ? input.default : convert(label, input, text);
}

function convert(label: string, input: Input, text: string): string | number {
  const not = `, not ${JSON.stringify(text)}`;
  if (input.type === "integer") {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = input;
    const number = Number(text);
    if (!/^-?\d+$/.test(text) || number < min || number > max) {
      throw new UsageError(`${label} must be a whole number from ${min} to ${max}${not}.`);
    }
    return number;
  }
  if (input.choices && !input.choices.includes(text)) {
    throw new UsageError(`${label} must be ${listOf(input.choices)}${not}.${suggest(text, input.choices)}`);
  }
  const problem = input.check?.(text);
  if (problem) throw new UsageError(`${label} ${problem}.`);
  return text;
}

/** `a, b or c`. */
function listOf(words: readonly string[]): string {
  return new Intl.ListFormat("en-GB", { type: "disjunction" }).format(words);
}
