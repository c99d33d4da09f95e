import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../support/run.ts";

const folder = path.join(root, "docs/adr");
const files = readdirSync(folder).sort();

describe("the decision records", () => {
  it("are numbered one after the other, each number once", () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.map((file) => file.slice(0, 5))).toEqual(
      files.map((_, index) => `${String(index + 1).padStart(4, "0")}-`),
    );
  });

  it.for(files)("%s has its number in its heading", (file) => {
    const [heading = ""] = readFileSync(path.join(folder, file), "utf8").split("\n");
    expect(heading).toMatch(new RegExp(`^# ${Number(file.slice(0, 4))}\\. \\S`));
  });
});
