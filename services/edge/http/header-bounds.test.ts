import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { elementsMax, findLongList, listHeaders } from "./header-bounds.ts";

/** Headers that are read as one value: compared, or matched by an expression in linear time. */
const singleHeaders = [
  ":authority",
  "access-control-request-method",
  "authorization",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "idempotency-key",
  "referer",
  "sec-fetch-site",
  "traceparent",
  "transfer-encoding",
  "user-agent",
  "x-api-key",
  "x-csrf-token",
  "x-request-id",
];

describe("a header that is read as a list", () => {
  it.each(listHeaders)("is rejected with more elements than any client sends: %s", (name) => {
    for (const separator of [",", ";", " , ", "; "]) {
      const listOf = (count: number) => Array.from({ length: count }, () => "a").join(separator);
      expect(findLongList({ [name]: listOf(elementsMax) })).toBeUndefined();
      expect(findLongList({ [name]: listOf(elementsMax + 1) })).toBe(name);
    }
    expect(findLongList({ [name]: ",".repeat(16_000) })).toBe(name);
  });

  it("is known to be one: every header that the edge's code reads is a list with a bound, or one value", () => {
    const edge = path.resolve(import.meta.dirname, "..");
    const files = readdirSync(edge, { recursive: true, encoding: "utf8" });
    const sources = files.filter((name) => /(?<!\.test)\.ts$/.test(name));
    const text = sources.map((name) => readFileSync(path.join(edge, name), "utf8")).join("\n");
    const read = [
      ...text.matchAll(/(?<!-)\b[hH]eaders(?:\.([a-z]+)\b(?!\()|\["([\w:-]+)"\]|\.get\("([\w-]+)"\))/g),
    ].map(([, ...names]) => names.find(Boolean) as string);
    expect(read.length).toBeGreaterThan(15);
    // Of answers.
    const written = ["location", "ratelimit", "ratelimit-policy", "retry-after"];
    const known: string[] = [...listHeaders, ...singleHeaders, ...written];
    expect([...new Set(read)].filter((name) => !known.includes(name))).toEqual([]);
  });
});
