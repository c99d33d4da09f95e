import { describe, expect, it } from "vitest";
import { slugIssue } from "./slug.ts";

describe("a slug", () => {
  it("has 3 to 64 characters of [0-9a-z-]", () => {
    for (const slug of ["abc", "a-b", "0".repeat(64), "qr-0000000"]) expect(slugIssue(slug), slug).toBeUndefined();
    for (const slug of ["ab", "", "ABC", "a_b", "-ab", "ab-", "a b", "ä-ä", "x".repeat(65), "api", "healthz"]) {
      expect(slugIssue(slug), slug).toBeTypeOf("string");
    }
  });

  it("is none of the paths that the edge serves itself or may come to serve", () => {
    for (const slug of ["abuse", "export", "external", "usage", "well-known"]) {
      expect(slugIssue(slug), slug).toBe("is reserved; choose another");
    }
  });
});
