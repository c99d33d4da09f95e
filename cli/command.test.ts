import { describe, expect, it } from "vitest";
import { defineCommand, defineTool, parseCommandLine, type Tool } from "./command.ts";
import { helpOf, listCommands, usageOf } from "./command-help.ts";
import { UsageError } from "./errors.ts";

const run = async () => {};
const tool: Tool = {
  call: "npm run -s shop",
  summary: "Sells things.",
  commands: [
    defineCommand({
      name: "fruit sell",
      summary: "Sells fruit.",
      arguments: {
        kind: { type: "text", choices: ["apple", "pear"], value: "KIND", meaning: "what to sell", required: true },
        buyers: { type: "text", value: "BUYER", meaning: "to whom", repeatable: true },
      },
      options: {
        perDay: { type: "integer", value: "N", meaning: "pieces a day", min: 1, max: 9, default: 3 },
        note: { type: "text", value: "TEXT", meaning: "what to write on it" },
        tag: { type: "text", value: "TAG", meaning: "a tag", repeatable: true },
        ripe: { type: "flag", meaning: "only ripe ones" },
      },
      run,
    }),
    defineCommand({
      name: "fruit eat",
      summary: "Eats fruit.",
      options: { bites: { type: "integer", value: "N", meaning: "bites", required: true } },
      run,
    }),
    defineCommand({ name: "tree list", summary: "Lists trees.", run }),
  ],
};
const single = defineTool({
  call: "npm start",
  summary: "Starts.",
  options: { on: { type: "flag", meaning: "on" } },
  run,
});

function read(line: string[], of: Tool = tool) {
  const request = parseCommandLine(of, line);
  return request.kind === "run" ? request.readValues() : request;
}

function mistake(line: string[]): string {
  try {
    read(line);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error(`"${line.join(" ")}" was accepted`);
}

describe("a command line", () => {
  it("becomes typed values under the names of the declaration, with defaults", () => {
    expect(read(["fruit", "sell", "pear"])).toEqual({
      ...{ kind: "pear", buyers: [], perDay: 3, note: undefined, tag: [], ripe: false },
    });
    const full = [
      "fruit",
      "sell",
      "pear",
      "ann",
      "bob",
      "--per-day=9",
      "--note",
      "a b",
      "--tag",
      "x",
      "--tag",
      "y",
      "--ripe",
    ];
    expect(read(full)).toEqual({
      ...{ kind: "pear", buyers: ["ann", "bob"], perDay: 9, note: "a b", tag: ["x", "y"], ripe: true },
    });
  });

  it("takes options before, between and after its words", () => {
    const values = { kind: "pear", perDay: 2, ripe: true };
    expect(read(["--ripe", "--per-day", "2", "fruit", "sell", "pear"])).toMatchObject(values);
    expect(read(["fruit", "--per-day", "2", "sell", "--ripe", "pear"])).toMatchObject(values);
  });

  it("takes what follows -- as arguments, and a value with a dash after =", () => {
    expect(read(["fruit", "sell", "pear", "--", "--ripe"])).toMatchObject({ buyers: ["--ripe"], ripe: false });
    expect(read(["fruit", "sell", "pear", "--note=-x"])).toMatchObject({ note: "-x" });
  });

  it("lists commands where the words name several, and asks for help by --help and -h anywhere", () => {
    expect(read([])).toEqual({ kind: "list", noun: "" });
    expect(read(["fruit"])).toEqual({ kind: "list", noun: "fruit" });
    expect(read(["fruit", "--help"])).toEqual({ kind: "list", noun: "fruit" });
    expect(read(["--help"], single)).toMatchObject({ kind: "help" });
    for (const line of [
      ["fruit", "sell", "-h"],
      ["-h", "fruit", "sell"],
      ["fruit", "sell", "--nope", "--help"],
    ]) {
      expect(read(line)).toMatchObject({ kind: "help", command: { name: "fruit sell" } });
    }
  });

  const mistakes: [line: string, message: string][] = [
    ["fruti sell", 'There is no command "fruti sell". Did you mean fruit sell?'],
    ["fruti", 'There is no command "fruti". Did you mean fruit?'],
    ["fruit sel", 'There is no command "fruit sel". Did you mean fruit sell?'],
    ["zebra", 'There is no command "zebra".'],
    ["fruit sell", "KIND is missing: what to sell."],
    ["fruit sell plum", 'KIND must be apple or pear, not "plum".'],
    ["fruit sell peer", 'KIND must be apple or pear, not "peer". Did you mean pear?'],
    ["fruit sell pear --pre-day 3", "There is no option --pre-day. Did you mean --per-day?"],
    ["fruit sell pear --bites 3", "There is no option --bites."],
    ["fruit sell pear -x", "There is no option -x."],
    ["fruit sell pear --per-day", "--per-day needs a value after it."],
    ["fruit sell pear --per-day=", "--per-day needs a value after it."],
    ["fruit sell pear --per-day --ripe", "--per-day needs a value after it."],
    ["fruit sell pear --per-day 0", '--per-day must be a whole number from 1 to 9, not "0".'],
    ["fruit sell pear --per-day -1", '--per-day must be a whole number from 1 to 9, not "-1".'],
    ["fruit sell pear --per-day 1.5", '--per-day must be a whole number from 1 to 9, not "1.5".'],
    ["fruit sell pear --per-day 1e0", '--per-day must be a whole number from 1 to 9, not "1e0".'],
    ["fruit sell pear --ripe=yes", "--ripe takes no value."],
    ["fruit sell pear --note a --note b", "--note is given more than once."],
    ["fruit eat", "--bites is missing: bites."],
    ["tree list oak", '"oak" is one argument too many.'],
  ];
  it.each(mistakes)("names the mistake in: %s", (line, message) => {
    expect(mistake(line.split(" "))).toBe(message);
  });
});

describe("help", () => {
  it("has a usage line that reads like the declaration", () => {
    const lines = tool.commands.map((command) => usageOf(tool, command));
    expect(lines).toEqual([
      "npm run -s shop -- fruit sell apple|pear [BUYER]... [--per-day N] [--note TEXT] [--tag TAG]... [--ripe]",
      "npm run -s shop -- fruit eat --bites N",
      "npm run -s shop -- tree list",
    ]);
  });

  it("names every input of a command with its bounds, and every command of a tool, within the width", () => {
    for (const command of tool.commands) {
      const help = helpOf(tool, command, 60);
      for (const { meaning } of Object.values({ ...command.arguments, ...command.options }))
        expect(help).toContain(meaning);
      const [, ...below] = help.split("\n");
      for (const line of below) expect(line.length).toBeLessThanOrEqual(60);
    }
    expect(helpOf(tool, tool.commands[0] as Tool["commands"][number], 80)).toContain(
      "pieces a day (1 to 9; 3 if left out)",
    );
    for (const { name } of tool.commands) expect(listCommands(tool, "", 60)).toContain(name);
    expect(listCommands(tool, "tree", 60)).not.toContain("fruit");
  });
});
