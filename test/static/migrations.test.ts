import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { lastRelease, listRelease } from "../support/release.ts";
import { root } from "../support/run.ts";

const services = ["auth", "quota", "qr"];
const folderOf = (service: string) => path.join("services", service, "migrations");

/**
 * What breaks services of the release before, or holds them up: they run on while the schema is already the new one.
 * A migration that takes away what the last release no longer uses says so: `-- contract: not used since VERSION`.
 */
const breaking: Record<string, RegExp> = {
  "drops something": /\bdrop (?:table|column|schema|index|constraint|default)\b/i,
  "renames something": /\brename\b/i,
  "changes a type": /\balter column \w+ (?:set data )?type\b/i,
  "forbids null": /\bset not null\b/i,
  "adds a column that must be given": /\badd column (?:(?!,|;|default).)*\bnot null(?:(?!,|;|default).)*(?=[,;])/is,
  "empties a table": /\btruncate\b/i,
  "adds a constraint to rows that are there":
    /\badd (?:constraint|check|foreign key|unique|primary key)\b(?!.*\bnot valid\b)/i,
};

function problemsOf(sql: string): string[] {
  if (/^-- contract: not used since \d+\.\d+\.\d+$/m.test(sql)) return [];
  // A function's body runs when the function is called.
  const code = sql.replaceAll(/--.*$/gm, "").replaceAll(/\bcreate function\b.*?\$\$.*?\$\$/gis, "");
  return Object.entries(breaking)
    .filter(([, looks]) => looks.test(code))
    .map(([what]) => what);
}

describe("migrations", () => {
  it("are numbered without a gap, and each number is there once", () => {
    for (const service of services) {
      const numbers = readdirSync(path.join(root, folderOf(service)))
        .sort()
        .map((name) => Number(/^(\d{4})_\w+\.sql$/.exec(name)?.[1]));
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }
  });

  it("that have been released stay, and new ones only add", async ({ skip }) => {
    const release = await lastRelease();
    if (!release) return skip("the history of the project is not here");
    for (const service of services) {
      const released = await listRelease(release, folderOf(service));
      const now = readdirSync(path.join(root, folderOf(service))).map((name) => path.join(folderOf(service), name));
      expect(now).toEqual(expect.arrayContaining(released));
      for (const file of now.filter((name) => !released.includes(name))) {
        expect(problemsOf(readFileSync(path.join(root, file), "utf8")), file).toEqual([]);
      }
    }
  });

  it.each([
    ["alter table a drop column b;", "drops something"],
    ["alter table a rename column b to c;", "renames something"],
    ["alter table a alter column b type bigint;", "changes a type"],
    ["alter table a alter column b set not null;", "forbids null"],
    ["alter table a add column b text not null;", "adds a column that must be given"],
    ["do $$ begin drop table a; end $$;", "drops something"],
    ["create function f() returns void as $$ begin end $$; drop table a;", "drops something"],
    ["alter table a add constraint c check (b > 0);", "adds a constraint to rows that are there"],
  ])("such as %s would be found out", (sql, problem) => {
    expect(problemsOf(sql)).toEqual([problem]);
  });

  it.each([
    "alter table a add column b text not null default '';",
    "alter table a add column b bytea;",
    "create table a (b text primary key, c text not null);",
    "create function f() returns void language plpgsql as $$ begin drop table a; end $$;",
    "-- contract: not used since 1.2.3\nalter table a drop column b;",
  ])("such as %s are fine", (sql) => {
    expect(problemsOf(sql)).toEqual([]);
  });
});
