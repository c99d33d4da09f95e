import { describe, expect, it } from "vitest";
import { jsonTextIssue } from "./json-text.ts";

describe("the text of a body", () => {
  it("may have a field once in each object", () => {
    for (const text of [
      '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":"a"}]}',
      '["a","a"]',
      '"a"',
      '{"a":"\\"a\\":"}',
      "[]",
      '{"a":":"}',
    ]) {
      expect(jsonTextIssue(text), text).toBeUndefined();
    }
  });

  it("may not have one twice, however it is written", () => {
    for (const text of ['{"a":1,"a":2}', '{"a":1,"\\u0061" :2}', '{"x":[{"a":{},"b":0,\n"a"\t:1}]}', '{"":1,"":2}']) {
      expect(jsonTextIssue(text), text).toContain("twice");
    }
  });

  it("may be nested 32 deep", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(jsonTextIssue(nested(32))).toBeUndefined();
    expect(jsonTextIssue(nested(33))).toBe("is nested more than 32 deep");
  });
});
