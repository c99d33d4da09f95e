import { describe, expect, it } from "vitest";
import { readSlug, slugIssue } from "./slug.ts";

describe("a slug", () => {
  it("has 3 to 64 characters of [0-9a-z-]", () => {
    for (const slug of ["abc", "a-b", "0".repeat(64), "qr-0000000"]) expect(slugIssue(slug), slug).toBeUndefined();
    for (const slug of ["ab", "", "ABC", "a_b", "-ab", "ab-", "a b", "ä-ä", "x".repeat(65), "api", "healthz"]) {
      expect(slugIssue(slug), slug).toBeTypeOf("string");
    }
  });

  it("is found in any letter case, with what people and programs put behind it", () => {
    for (const typed of ["menu", "MENU", "menu.", "menu ", "menu)", "menu\u200b", "menu\u3002", "menu-", "menu\n"]) {
      expect(readSlug(typed), typed).toBe("menu");
    }
    for (const typed of ["", " ", ".menu", "me nu", "m", "menu_1", "\u{1f355}", "x".repeat(65)]) {
      expect(readSlug(typed), typed).toBeUndefined();
    }
  });

  it("is none of the paths that the edge serves itself or may come to serve", () => {
    for (const slug of ["abuse", "export", "external", "usage", "well-known"]) {
      expect(slugIssue(slug), slug).toBe("is reserved; choose another");
    }
  });
});
