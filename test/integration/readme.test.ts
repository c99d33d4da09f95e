import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, inject, it } from "vitest";
import { openAuth } from "../support/api.ts";
import { root, runProgram } from "../support/run.ts";

const { edges, auths } = inject("suite");
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
    const script = curls.join("\n").replaceAll("http://localhost:8080", edges[0] as string);
    const cwd = await mkdtemp(path.join(tmpdir(), "qrforge-readme-"));
    const { code, output } = await runProgram("sh", ["-ec", script], { cwd, env: { QRFORGE_KEY: key } });
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

  it("links only to files that exist", () => {
    for (const [, target] of readme.matchAll(/\]\(([^)#]+)\)/g)) {
      expect(() => readFileSync(path.join(root, target as string)), target).not.toThrow(/ENOENT/);
    }
  });
});
