import { describe, expect, it } from "vitest";
import { changeStyle, codeIssues, projectIssues } from "./fields.ts";
import { redirectUrlIssue } from "./redirect-url.ts";
import { slugIssue } from "./slugs.ts";
import { plainStyle } from "./symbols/style.ts";

describe("a redirect URL", () => {
  it("may be any absolute http or https URL", () => {
    for (const url of [
      "https://example.com",
      "http://[::1]:8080/a?b#c",
      "HTTPS://EXÄMPLE.com/ü",
      "https://e.com/%00",
    ]) {
      expect(redirectUrlIssue(url, undefined), url).toBeUndefined();
    }
  });

  it("may not be anything else", () => {
    const bad = ["", "x", "//e.com", "javascript:alert(1)", "data:,x", "ftp://e.com", "https:/e.com", "https:e.com"];
    const hidden = [
      "https://e.com/a b",
      "https://e.com\t",
      "https://e.com/\u0085",
      "https:\\\\e.com",
      "https://e.com/\ud800",
    ];
    const withUser = ["https://u@e.com", "https://u:p@e.com", "https://:p@e.com", "https://@e.com", "https:///e.com"];
    const long = [`https://e.com/${"x".repeat(2_048)}`];
    for (const url of [...bad, ...hidden, ...withUser, ...long]) {
      expect(redirectUrlIssue(url, undefined), url).toBeTypeOf("string");
    }
  });

  it("may not be the code's own short URL, however it is written", () => {
    const own = "http://qr.example.com/abc";
    for (const url of [own, `${own}/`, `${own}?a#b`, "http://QR.example.com:80/%61bc", "https://qr.example.com/abc"]) {
      expect(redirectUrlIssue(url, own), url).toContain("own");
    }
    for (const url of ["http://qr.example.com/abcd", "http://other.example.com/abc", "http://qr.example.com/abc/d"]) {
      expect(redirectUrlIssue(url, own), url).toBeUndefined();
    }
  });
});

describe("a slug", () => {
  it("has 3 to 64 characters of [0-9a-z-]", () => {
    for (const slug of ["abc", "a-b", "0".repeat(64), "qr-0000000"]) expect(slugIssue(slug), slug).toBeUndefined();
    for (const slug of ["ab", "", "ABC", "a_b", "-ab", "ab-", "a b", "ä-ä", "x".repeat(65), "api", "healthz"]) {
      expect(slugIssue(slug), slug).toBeTypeOf("string");
    }
  });
});

describe("fields", () => {
  it("count characters as a person would", () => {
    expect(codeIssues({ name: "😀".repeat(200) }, undefined)).toEqual([]);
    expect(codeIssues({ name: "😀".repeat(201) }, undefined)).toHaveLength(1);
    expect(projectIssues({ name: "n", description: "x".repeat(501) })).toMatchObject([{ field: "description" }]);
  });

  it("are all judged, and those not given are left alone", () => {
    const issues = codeIssues({ name: "", redirectUrl: "x", slug: "x", style: { foreground: "red" } }, undefined);
    expect(issues.map(({ field }) => field)).toEqual(["name", "redirect_url", "slug", "style.foreground"]);
    expect(codeIssues({}, undefined)).toEqual([]);
  });

  it("change the parts of a style that are given, and leave the others", () => {
    expect(changeStyle(plainStyle, { foreground: "#ABCDEF", caption: "x" })).toEqual({
      ...plainStyle,
      foreground: "#abcdef",
      caption: "x",
    });
  });

  it("of names are one line", () => {
    for (const name of ["a\tb", "a\nb"]) expect(codeIssues({ name }, undefined)).toHaveLength(1);
    expect(projectIssues({ name: "n", description: "a\nb" })).toEqual([]);
  });
});
