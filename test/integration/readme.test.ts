import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, inject, it } from "vitest";
import { flagOf } from "../../cli/command.ts";
import { operatorSettings } from "../../cli/settings.ts";
import { startTool } from "../../dev/start.ts";
import { serviceSettings } from "../../scripts/describe-settings.ts";
import { openAuth } from "../support/api.ts";
import { root, runProgram } from "../support/run.ts";

const { edges, auths } = inject("cluster");
const auth = openAuth(auths);
afterAll(() => auth.close());

const readme = readFileSync(path.join(root, "README.md"), "utf8");
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string);
const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

describe("the README", () => {
  it("has curl lines that work as they stand", async () => {
    const { key } = await auth.newAccount();
    const curls = blocks.filter((block) => block.startsWith("curl"));
    expect(curls).toHaveLength(3);
    const script = curls.join("\n");
    const cwd = await mkdtemp(path.join(tmpdir(), "qrforge-readme-"));
    const { code, output } = await runProgram("sh", ["-ec", script], {
      cwd,
      env: { QRFORGE_KEY: key, QRFORGE_URL: edges[0] as string },
    });
    expect(code, output).toBe(0);
    expect((await readFile(path.join(cwd, "menu.png"))).subarray(1, 4).toString()).toBe("PNG");
    await rm(cwd, { recursive: true });
    expect(output.match(/"ok":true/g)).toHaveLength(3);
    expect(output).toMatch(/HTTP\/1\.1 302 Found[\s\S]*location: https:\/\/example\.com\/menu/i);
  });

  it("names only commands that exist", () => {
    const commands = [...readme.matchAll(/npm run (?:-s )?([a-z:]+)/g)].map(([, name]) => name);
    expect(commands.length).toBeGreaterThan(4);
    for (const name of [...commands, "start", "test"]) expect(scripts).toHaveProperty([name as string]);
  });

  it("sets only settings that are read, and gives npm start only options that it has", () => {
    const settings = [...Object.values(serviceSettings), operatorSettings].flatMap((all) => Object.values(all));
    const known = new Set([...settings.map(({ env }) => env), "QRFORGE_URL", "QRFORGE_KEY"]);
    const set = [...readme.matchAll(/\b([A-Z][A-Z_]+)=\S/g)].map(([, name]) => name as string);
    expect(set).toContain("TRUSTED_PROXIES");
    for (const name of set) expect(known).toContain(name);
    const flags = [...readme.matchAll(/npm start -- ([^`\n]+)/g)].flatMap(
      ([, args]) => args?.match(/--[a-z-]+/g) ?? [],
    );
    expect(flags).toContain("--lan");
    for (const flag of flags) expect(Object.keys(startTool.commands[0]?.options ?? {}).map(flagOf)).toContain(flag);
  });

  it("is joined by an index that lists every page of docs, and links only to files that exist", () => {
    const index = readFileSync(path.join(root, "docs/README.md"), "utf8");
    const targets = [...index.matchAll(/\]\(([^)#]+)/g)].map(([, target]) => path.join("docs", target as string));
    for (const target of targets) expect(existsSync(path.join(root, target)), target).toBe(true);
    const pages = readdirSync(path.join(root, "docs")).filter((name) => name.endsWith(".md") && name !== "README.md");
    for (const page of pages) expect(targets).toContain(path.join("docs", page));
  });

  it("links only to files that exist", () => {
    for (const [, target] of readme.matchAll(/\]\((?!https:)([^)#]+)/g)) {
      expect(() => readFileSync(path.join(root, target as string)), target).not.toThrow(/ENOENT/);
    }
  });
});
