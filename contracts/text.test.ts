import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lineIssue, textIssue } from "./text.ts";

const file = new URL("../test/cases/names/cases.json", import.meta.url);
const { cases }: { cases: { given: string; stored?: string; issue?: string }[] } = JSON.parse(
  readFileSync(file, "utf8"),
);

describe("a name", () => {
  it.each(cases)("is text that people see, or its refusal names what they do not: $given", ({ given, issue }) => {
    expect(lineIssue(given, 1, 200)).toBe(issue);
  });

  it("has its length in code points of the form in which it is stored", () => {
    expect(lineIssue("e\u0301".repeat(200), 1, 200)).toBeUndefined();
    expect(lineIssue("é".repeat(201), 1, 200)).toBe("must have at most 200 characters");
    expect(lineIssue("🍕".repeat(200), 1, 200)).toBeUndefined();
  });
});

describe("a description", () => {
  it("may be empty and have lines, and hides nothing either", () => {
    for (const text of ["", " ", "a\r\n\tb", "\u200b"]) expect(textIssue(text, 0, 500)).toBeUndefined();
    expect(textIssue("a\nb\u202e", 0, 500)).toBe("has U+202E, which cannot be seen; remove it");
    expect(textIssue("a\u000b", 0, 500)).toBe("has U+000B, which cannot be seen; remove it");
  });
});
