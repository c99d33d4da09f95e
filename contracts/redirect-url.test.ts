import { describe, expect, it } from "vitest";
import { redirectUrlIssue } from "./redirect-url.ts";
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
