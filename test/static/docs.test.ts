import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../support/run.ts";

const documents = ["", "docs", "clients/typescript", ".github"].flatMap((folder) =>
  readdirSync(path.join(root, folder)).flatMap((name) => (name.endsWith(".md") ? [path.join(folder, name)] : [])),
);
const top = new Set(readdirSync(root));

const read = (file: string) => readFileSync(path.join(root, file), "utf8");

/** The targets of links to files of this tree, with their `#heading`. */
function linksOf(file: string): string[] {
  const targets = [...read(file).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** Returns the anchors of a document's headings, as GitHub makes them. */
function anchorsOf(file: string): string[] {
  return [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function leadsSomewhere(file: string, link: string): boolean {
  const [target = "", anchor] = link.split("#");
  const to = target === "" ? file : path.join(path.dirname(file), target);
  if (!existsSync(path.join(root, to))) return false;
  return anchor === undefined || !to.endsWith(".md") || anchorsOf(to).includes(anchor);
}

/** The files and folders of this tree that a text names in backquotes: those that begin with a folder of the top. */
function namedPaths(text: string): string[] {
  const quoted = [...text.matchAll(/`((?:[\w.@-]+\/)+[\w.@-]*)`/g)].map(([, name = ""]) => name);
  return quoted.filter((name) => top.has(name.slice(0, name.indexOf("/"))));
}

describe("what documents name", () => {
  const named = documents.flatMap((file) => namedPaths(read(file)).map((name) => [file, name] as const));

  it("is found by this test at all", () => {
    expect(named.filter(([file]) => file === "docs/security.md").length).toBeGreaterThan(15);
  });

  it("is there: each file and folder", () => {
    expect(named.filter(([, name]) => !existsSync(path.join(root, name)))).toEqual([]);
  });

  it("is there: each file and heading that they link to", () => {
    const links = documents.flatMap((file) => linksOf(file).map((link) => [file, link] as const));
    expect(links.length).toBeGreaterThan(100);
    expect(links.filter(([file, link]) => !leadsSomewhere(file, link))).toEqual([]);
  });

  it("is there: each npm script", () => {
    const { scripts } = JSON.parse(read("package.json"));
    const calls = documents.flatMap((file) =>
      [...read(file).matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)].map(([, name = ""]) => [file, name] as const),
    );
    expect(calls.length).toBeGreaterThan(50);
    expect(calls.filter(([, name]) => !(name in scripts))).toEqual([]);
  });
});
