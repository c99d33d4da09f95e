import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../support/run.ts";

/** All SQL of the services: migrations, and the files that hold statements. */
const files = ["platform", "services"]
  .flatMap((top) =>
    readdirSync(path.join(root, top), { recursive: true, encoding: "utf8" }).map((name) => path.join(top, name)),
  )
  .filter((name) => name.endsWith(".sql") || /(?:\/store\/[\w-]+|postgres\/[\w-]+|lease\/log-store)\.ts$/.test(name));

/** A file's SQL without what is not SQL: comments, and in TypeScript all but templates that begin a statement. */
function sqlOf(file: string): string {
  const text = readFileSync(path.join(root, file), "utf8");
  const sql = file.endsWith(".sql")
    ? text
    : [...text.matchAll(/`[^`]*`/g)]
        .map(([template]) => template)
        .filter((template) => /\b(?:select|insert|update|delete|create|alter|drop)\b/i.test(template))
        .join("\n");
  return sql.replaceAll(/--.*$/gm, "").toLowerCase();
}

/** What engines that speak Postgres' protocol lack or do otherwise, each by what it looks like: docs/growing.md. */
const lacking: Record<string, RegExp> = {
  "LISTEN and NOTIFY": /\b(?:listen|notify|pg_notify)\b/,
  "LOCK TABLE": /\block table\b/,
  "session advisory locks": /\bpg_(?:try_)?advisory_lock\b/,
  "triggers, procedures, rules": /\bcreate (?:or replace )?(?:trigger|procedure|rule)\b/,
  extensions: /\bcreate extension\b/,
  "sequences: their values are not in commit order, and hot":
    /\b(?:create sequence|nextval|(?:big|small)?serial|generated \w+(?: \w+)? as identity)\b/,
  "stored generated columns": /\bgenerated always as \(/,
  "inheritance, exclusion and deferrable constraints": /\b(?:inherits \(|exclude using|deferrable)\b/,
  "index methods but the plain one": /\busing (?:brin|gin|gist|hash|spgist)\b/,
  "types and domains of one's own": /\bcreate (?:type|domain)\b/,
  "temporary and unlogged tables": /\b(?:temp|temporary|unlogged) table\b/,
  "materialized views": /\bmaterialized view\b/,
  "physical row addresses": /\b(?:ctid|xmin|xmax)\b/,
  "recursive queries": /\bwith recursive\b/,
  "two-phase commit, savepoints": /\b(?:prepare transaction|savepoint)\b/,
  "large objects": /\b(?:lo_\w+|oid\b(?!\s*=))\(/,
  "time zones that are not UTC": /\bat time zone '(?!utc')/,
};

/** What some engines lack and others have, and where it is: an engine is measured by these. */
const narrow: Record<string, { looks: RegExp; files: string[] }> = {
  "transaction advisory locks": {
    looks: /\bpg_(?:try_)?advisory_xact_lock\b/,
    files: ["platform/postgres/migrations.ts", "services/qr/store/idempotency.ts"],
  },
  "range partitions": {
    looks: /\bpartition (?:by range|of)\b/,
    files: ["services/qr/migrations/0004_scans.sql", "services/qr/migrations/0010_scan_months.sql"],
  },
  "functions that run as their owner": {
    looks: /\bcreate (?:or replace )?function\b/,
    files: ["services/qr/migrations/0010_scan_months.sql"],
  },
  "the catalog": { looks: /\bpg_(?:inherits|class)\b/, files: ["services/qr/store/scans.ts"] },
  "the start time of the one server": {
    looks: /\bpg_postmaster_start_time\b/,
    files: ["platform/lease/log-store.ts"],
  },
  "rows skipped while locked": {
    looks: /\bskip locked\b/,
    files: ["platform/postgres/delete-some.ts", "services/auth/store/keys.ts", "services/auth/store/mails.ts"],
  },
};

describe("SQL", () => {
  it("is found where it is", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "platform/postgres/inspect.ts",
        "platform/postgres/migrations.ts",
        "platform/postgres/pool.ts",
        "services/quota/store/windows.ts",
        "services/qr/store/scans.ts",
      ]),
    );
    const withStatements = files.filter(
      (name) =>
        /\/store\/(?!\w+\.test)/.test(name) && /\b(?:sql|tx)`/.test(readFileSync(path.join(root, name), "utf8")),
    );
    expect(withStatements.length).toBeGreaterThan(8);
    for (const file of withStatements) expect(sqlOf(file), file).toMatch(/select/);
  });

  it.each(Object.entries(lacking))("has no %s", (_, looks) => {
    for (const file of files) expect(sqlOf(file).match(looks)?.[0], file).toBeUndefined();
  });

  it.each(Object.entries(narrow))("has %s only where that is known", (_, { looks, files: known }) => {
    expect(files.filter((file) => looks.test(sqlOf(file))).sort()).toEqual(known.toSorted());
  });

  it("of a service names no other service's schema", () => {
    const schemas = ["auth", "quota", "qr"];
    for (const file of files.filter((name) => name.startsWith("services/"))) {
      const own = file.split("/")[1];
      for (const other of schemas.filter((schema) => schema !== own)) {
        expect(sqlOf(file), file).not.toMatch(new RegExp(`\\b(?:from|join|into|update|table|references) ${other}\\.`));
      }
    }
  });

  it("is described with all of this in docs/growing.md", () => {
    const text = readFileSync(path.join(root, "docs/growing.md"), "utf8");
    for (const name of [...Object.keys(lacking), ...Object.keys(narrow)]) expect(text).toContain(name);
  });
});
