import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root, runProgram } from "../support/run.ts";

const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const sentence =
  /^QRForge needs Node 24\.2 or newer to run, and this is Node (\d+)\..* npm install --include=optional, .*\n$/;

describe("the check of Node's version", () => {
  it("comes before every npm script that runs TypeScript", () => {
    const calls = Object.values(scripts).flatMap((script) => script.match(/\bnode [^&]*\.ts\b/g) ?? []);
    expect(calls.length).toBeGreaterThan(10);
    for (const call of calls) expect(call).toMatch(/^node -r \.\/cli\/node-version\.cjs /);
    expect(scripts.pretest).toBe("node cli/node-version.cjs");
  });

  it("says in one line what to do on an older Node, and nothing on this one", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "qrforge-node-"));
    try {
      const pretence = path.join(folder, "pretend.cjs");
      await writeFile(pretence, 'Object.defineProperty(process.versions, "node", { value: process.env.PRETEND });');
      const start = (version: string) =>
        runProgram(process.execPath, ["-r", pretence, "-r", "./cli/node-version.cjs", "-e", "console.log('ran')"], {
          env: { PRETEND: version },
        });
      expect(await start("20.20.2")).toEqual({ code: 1, output: expect.stringMatching(sentence) });
      expect((await start("24.1.0")).code).toBe(1);
      expect(await start("24.2.0")).toEqual({ code: 0, output: "ran\n" });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is heard on a real older Node, where this machine has one", async ({ skip }) => {
    const nodes = await runProgram("sh", ["-c", "which -a node"]);
    for (const node of nodes.output.trim().split("\n")) {
      const { output: version } = await runProgram(node, ["--version"]);
      if (Number.parseInt(version.slice(1), 10) >= 24) continue;
      const { code, output } = await runProgram(node, ["-r", "./cli/node-version.cjs", "dev/start.ts"]);
      expect([code, output]).toEqual([1, expect.stringMatching(sentence)]);
      return;
    }
    skip("every Node on the PATH is new enough");
  });
});
