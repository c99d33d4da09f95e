import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Command, flagOf } from "../../cli/command.ts";
import { findOptionOfNpm } from "../../cli/npm-options.ts";
import { tools } from "../../scripts/describe-commands.ts";
import { runProgram } from "../support/run.ts";

/** npm's settings of the run of these tests are not those of the run under test. */
const withoutSettings = Object.fromEntries(
  Object.keys(process.env).flatMap((name) => (/^npm_config_/i.test(name) ? [[name, undefined]] : [])),
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-npm-"));
  await writeFile(
    path.join(folder, "show.cjs"),
    "console.log(JSON.stringify({ args: process.argv.slice(2), env: process.env }));",
  );
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ scripts: { show: "node show.cjs" } }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The arguments and environment of a script that npm runs. */
async function runByNpm(words: string[]): Promise<{ args: string[]; env: NodeJS.ProcessEnv }> {
  const { output } = await runProgram("npm", ["run", "-s", "show", ...words], { cwd: folder, env: withoutSettings });
  return JSON.parse(output.trim().split("\n").at(-1) as string);
}

const ofNpm = tools.filter(({ call }) => call.startsWith("npm "));
const commands = ofNpm.flatMap((tool) => tool.commands);
const options = new Map<string, Command>();
for (const command of commands) {
  for (const name of Object.keys(command.options ?? {})) options.set(name, command);
}

describe("an option that stands before --", () => {
  it.each([...options])("is found to be taken by npm: %s", async (name, command) => {
    const isFlag = command.options?.[name]?.type === "flag";
    const { args, env } = await runByNpm(isFlag ? [flagOf(name)] : [`${flagOf(name)}=5`]);
    expect(args).not.toContain(flagOf(name));
    expect(findOptionOfNpm([name], args, env)).toBe(flagOf(name));
  });

  it.each([...options])("is not said of one that stands after it: %s", async (name, command) => {
    const { args, env } = await runByNpm(["--", flagOf(name), "5"]);
    expect(findOptionOfNpm(Object.keys(command.options ?? {}), args, env)).toBeUndefined();
  });

  it("ends the command with a line that says what to write", async () => {
    const env = { ...withoutSettings, QRFORGE_DATA_DIR: "/nowhere" };
    for (const [typed, instead] of [
      [["seed", "--codes=20"], "npm run -s seed -- --codes"],
      [["restore", "FILE", "--replace"], "npm run -s restore -- --replace"],
      [["admin", "account", "list", "--json"], "npm run -s admin -- account list --json"],
    ] as const) {
      const { code, output } = await runProgram("npm", ["run", "-s", ...typed], { env });
      expect(output).toContain(`for itself: write ${instead} instead.`);
      expect(code).toBe(2);
    }
  });
});
