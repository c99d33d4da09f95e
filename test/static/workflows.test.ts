import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { root } from "../support/run.ts";

interface Step {
  uses?: string;
  run?: string;
  "working-directory"?: string;
}
interface Workflow {
  permissions: Record<string, string>;
  concurrency: { group: string };
  jobs: Record<string, { "timeout-minutes"?: number; permissions?: Record<string, string>; steps: Step[] }>;
}

const folder = path.join(root, ".github/workflows");
const files = readdirSync(folder);
const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const scriptsOf = (directory: string) => JSON.parse(read(path.join(directory, "package.json"))).scripts ?? {};

describe.for(files)("the workflow %s", (file) => {
  const text = readFileSync(path.join(folder, file), "utf8");
  const { permissions, concurrency, jobs } = parse(text) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  it("may only read, but for jobs that say what they write; runs once at a time, and never for ever", () => {
    expect(permissions).toEqual({ contents: "read" });
    expect(concurrency.group).toContain("github.ref");
    for (const [name, job] of Object.entries(jobs)) expect(job["timeout-minutes"], name).toBeGreaterThan(0);
  });

  it("calls scripts and files that are there", () => {
    const called: string[] = [];
    for (const { run = "", "working-directory": directory = "." } of steps) {
      for (const [, script = ""] of run.matchAll(/\bnpm run (?:-s )?([\w:]+)/g)) {
        called.push(script);
        expect(scriptsOf(directory)).toHaveProperty([script]);
      }
      for (const [named] of run.matchAll(/(?<![\w/$}-])(?:\.ci|cli|charts|scripts)\/[\w./-]+\b/g)) {
        called.push(named);
        expect(() => readFileSync(path.join(root, directory, named)), named).not.toThrow(/ENOENT/);
      }
    }
    expect(called.length).toBeGreaterThan(2);
  });

  it("pins each action to a major version or a commit", () => {
    const used = steps.flatMap(({ uses }) => uses ?? []);
    expect(used.length).toBeGreaterThan(4);
    for (const one of used) expect(one).toMatch(/^[\w-]+\/[\w-]+@(v\d+|[0-9a-f]{40})$/);
  });

  it("puts nothing that others write into a script: such values come by the environment", () => {
    for (const { run = "" } of steps) expect(run).not.toContain("${{");
  });
});

it("continuous integration runs what .ci/run does, lints the chart with every example, and builds the image", () => {
  const text = read(".github/workflows/ci.yml");
  expect(text).toContain("- run: .ci/run");
  const charted = /for values in (.+); do/.exec(text)?.[1]?.split(" ");
  // Values of other charts are among the examples, too.
  const own = readdirSync(path.join(root, "charts/qrforge/examples")).filter(
    (name) => !/^(cloudnative-pg|nats)/.test(name),
  );
  expect(charted?.map((name) => `${name}.yaml`).sort()).toEqual(own.sort());
  expect(text).toMatch(/build-push-action@v\d+\n +with:\n +context: \.\n +push: false/);
});
