import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parseCommandLine, type Tool } from "../../cli/command.ts";
import { commandsFile, describeCommands, tools } from "../../scripts/describe-commands.ts";
import { root, runProgram } from "../support/run.ts";

const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** Scripts without commands of ours, and why. */
const others: Record<string, string> = {
  "start:auth": "a service: it reads the environment alone",
  "start:quota": "a service: it reads the environment alone",
  "start:qr": "a service: it reads the environment alone",
  "start:edge": "a service: it reads the environment alone",
  postinstall: "npm runs it; takes nothing",
  pretest: "takes nothing",
  test: "vitest has options of its own",
  "test:unit": "vitest has options of its own",
  check: "takes nothing",
  lint: "biome has options of its own",
  typecheck: "takes nothing",
  format: "biome has options of its own",
  version: "npm version runs it; takes nothing",
  generate: "takes nothing",
};

/** What a script that reads its command line by a declaration has. */
const declaring = /import\.meta\.main\) runTool\(|^ *(const .* = )?readScriptOptions\(/m;

/** The program and arguments of a script, as npm would run it. */
function commandOf(script: string): [program: string, args: string[]] {
  const [program = "", ...args] = script.split(" ");
  return [program, args];
}

describe("docs/commands.md", () => {
  it("is what npm run generate makes", () => {
    expect(readFileSync(commandsFile, "utf8"), "stale: npm run generate").toBe(describeCommands());
  });

  it("has every tool", () => {
    const files = ["cli", "dev", "scripts"].flatMap((folder) =>
      readdirSync(path.join(root, folder)).map((name) => `${folder}/${name}`),
    );
    const runnable = files.filter(
      (name) => /(?<!\.test)\.ts$/.test(name) && read(name).includes("import.meta.main) runTool("),
    );
    expect(runnable.length).toBeGreaterThan(7);
    expect(tools).toHaveLength(runnable.length);
  });
});

describe("every npm script", () => {
  const ours = Object.keys(scripts).filter((name) => !(name in others));

  it("is one of ours, or known to have no commands", () => {
    expect(ours.length).toBeGreaterThan(8);
    for (const name of Object.keys(others)) expect(scripts).toHaveProperty([name]);
  });

  it.each(ours)("declares what it takes: %s", (name) => {
    expect(read((scripts[name] as string).split(" ").at(-1) as string)).toMatch(declaring);
  });

  // A script that declares nothing would do its work, so it is not run.
  const declared = ours.filter((name) => declaring.test(read((scripts[name] as string).split(" ").at(-1) as string)));

  it.each(declared)("explains itself by --help, with nothing running: %s", async (name) => {
    const [program, args] = commandOf((scripts[name] as string).replace(/^exec /, ""));
    // What would be found if it looked is nothing, or an error.
    const env = { QRFORGE_DATA_DIR: "/nowhere", DATABASE_URL: "", NATS_URL: "", AUTH_ADDRESS: "" };
    const { code, output } = await runProgram(program, [...args, "--help"], { env, timeout: 20_000 });
    expect(output).toMatch(/^Usage: npm (start|run)/);
    expect(output).toContain(name === "start" ? "npm start" : ` ${name}`);
    expect(code).toBe(0);
  });

  it.each(declared)("names an unknown option in one line and exits with 2: %s", async (name) => {
    const [program, args] = commandOf((scripts[name] as string).replace(/^exec /, ""));
    const command = name === "admin" ? ["account", "list"] : [];
    const { code, output } = await runProgram(program, [...args, ...command, "--no-such-option"], { timeout: 20_000 });
    expect(output).toMatch(/^There is no option --no-such-option\. Help: npm (start|run) .*--help\n$/);
    expect(code).toBe(2);
  });
});

describe("what the documentation says to type", () => {
  const documents = [
    "README.md",
    "charts/qrforge/templates/NOTES.txt",
    ...readdirSync(path.join(root, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
  ].filter((file) => path.join(root, file) !== commandsFile);
  const pattern =
    /(?:npm run (?:-s )?|node cli\/)(admin|backup|restore|doctor|migrate)(?:\.ts)?(?: --)?((?: [^`\n]+)?)/g;
  const calls = documents.flatMap((file) =>
    [...read(file).matchAll(pattern)].map(([, name, rest = ""]) => [file, name, rest.trim()] as const),
  );
  const toolOf = (name: string) => tools.find(({ call }) => call.endsWith(` ${name}`)) as Tool;
  const id = "a".repeat(20);

  it("is found by this test at all", () => {
    expect(calls.filter(([, name, rest]) => name === "admin" && rest !== "").length).toBeGreaterThan(12);
  });

  it.each(calls.filter(([, , rest]) => /^[\w-]/.test(rest)))(
    "is a command that exists, with its options: %s: %s %s",
    (_, name, rest) => {
      const line =
        rest
          .replaceAll(/\b(ACCOUNT|ACCOUNT_ID|KEY_ID)\b/g, id)
          .replaceAll(/\bHASH\b/g, "0".repeat(64))
          .match(/"[^"]*"|\S+/g) ?? [];
      const request = parseCommandLine(
        toolOf(name as string),
        line.map((word) => word.replaceAll('"', "")),
      );
      if (request.kind === "run") request.readValues();
      else expect(request.kind).toBe("list");
    },
  );
});
