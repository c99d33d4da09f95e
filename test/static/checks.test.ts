import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root, runProgram } from "../support/run.ts";

async function passes(command: string, args: string[]): Promise<void> {
  const { code, output } = await runProgram(command, args);
  expect(code, output).toBe(0);
}

/** The commit that the contracts are compared with: the last one, or the one before it if they are as committed. */
async function baseline(): Promise<string | undefined> {
  if (!existsSync(path.join(root, ".git"))) return undefined;
  const git = async (...args: string[]) => {
    const { code, output } = await runProgram("git", args);
    return code === 0 ? output.trim() : undefined;
  };
  const changed = (await git("status", "--porcelain", "--", "proto")) !== "";
  const commit = changed ? "HEAD" : "HEAD~1";
  return await git("rev-parse", "--verify", "--quiet", `${commit}:proto`).then((tree) => tree && commit);
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

describe("the tree", () => {
  it("is formatted and free of lint", () => passes("biome", ["check", "--error-on-warnings", "."]));

  for (const part of [".", "dashboard", "test/browser"]) {
    it(`type-checks: ${part}`, () => passes("tsc", ["-p", part]));
  }
});

describe("the contracts", () => {
  it("pass buf lint", () => passes("buf", ["lint"]));

  it("break nothing that the last commit promised", async ({ skip }) => {
    const commit = await baseline();
    if (!commit) return skip("there is no earlier commit to compare with");
    await passes("buf", ["breaking", "--against", `.git#ref=${commit}`]);
  });

  it("are what gen was made from", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "qrforge-gen-"));
    try {
      await passes("buf", ["generate", "-o", folder]);
      const fresh = await filesUnder(path.join(folder, "gen"));
      expect(await filesUnder(path.join(root, "gen"))).toEqual(fresh);
      for (const file of fresh) {
        const committed = await readFile(path.join(root, "gen", file), "utf8");
        expect(committed, `${file} is stale: npm run generate`).toBe(
          await readFile(path.join(folder, "gen", file), "utf8"),
        );
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
