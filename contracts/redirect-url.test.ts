import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { locationOf, redirectUrlIssue } from "./redirect-url.ts";
import { createShortUrlCheck } from "./short-url.ts";

const none = createShortUrlCheck([]);

describe("a redirect URL", () => {
  it("may be any absolute http or https URL", () => {
    for (const url of [
      "https://example.com",
      "http://[::1]:8080/a?b#c",
      "HTTPS://EXÄMPLE.com/ü",
      "https://e.com/%00",
    ]) {
      expect(redirectUrlIssue(url, none), url).toBeUndefined();
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
      expect(redirectUrlIssue(url, none), url).toBeTypeOf("string");
    }
  });

  it("may not be a short URL of the deployment itself", () => {
    const isShortUrl = createShortUrlCheck(["http://qr.example.com"]);
    for (const url of ["http://qr.example.com/abc", "https://QR.example.com./other/"]) {
      expect(redirectUrlIssue(url, isShortUrl), url).toContain("short URL");
    }
    for (const url of ["http://qr.example.com/docs", "http://other.example.com/abc"]) {
      expect(redirectUrlIssue(url, isShortUrl), url).toBeUndefined();
    }
  });
});

describe("the Location of a redirect URL", () => {
  const file = new URL("../test/cases/human-urls/cases.json", import.meta.url);
  const { cases }: { cases: { given: string; location: string }[] } = JSON.parse(readFileSync(file, "utf8"));

  it.each(cases)("is ASCII that means the same: $given", ({ given, location }) => {
    expect(redirectUrlIssue(given, none)).toBeUndefined();
    expect(locationOf(given)).toBe(location);
    expect(location).toMatch(/^[\x21-\x7e]+$/);
    expect(new URL(location).href).toBe(new URL(given).href);
  });

  it("has a bound in bytes, and the URL one in code points", () => {
    const pizzas = (count: number) => `https://e.com/${"🍕".repeat(count)}`;
    expect(redirectUrlIssue(pizzas(681), none)).toBeUndefined();
    expect(redirectUrlIssue(pizzas(682), none)).toBe("must have at most 8192 bytes when it is percent-encoded");
    const letters = (count: number) => `https://e.com/${"x".repeat(1_600)}${"🍕".repeat(count)}`;
    expect(redirectUrlIssue(letters(434), none)).toBeUndefined();
    expect(redirectUrlIssue(letters(435), none)).toBe("must have at most 2048 characters");
  });
});
