import { describe, expect, it } from "vitest";
import { createShortUrlCheck } from "./short-url.ts";

const isShortUrl = (url: string, ...bases: string[]) => createShortUrlCheck(bases)(new URL(url));

describe("a short URL of the deployment", () => {
  const base = "https://qr.example.com";
  it.each([
    "https://qr.example.com/abc",
    "https://qr.example.com/abc/",
    "https://qr.example.com/abc?a#b",
    "http://qr.example.com/abc",
    "http://qr.example.com:80/abc",
    "https://qr.example.com:443/abc",
    "https://QR.EXAMPLE.COM/abc",
    "https://qr.example.com./abc",
    "https://qr.example.com/%61bc",
    "https://qr.example.com/ABC",
    "https://qr.example.com//abc",
    "https://qr.example.com/x/../abc",
    "https://qr.example.com/abc.",
    "https://qr.example.com/any-other-code",
    "https://ｑr.example.com/abc",
  ])("is known however it is written: %s", (url) => {
    expect(isShortUrl(url, base)).toBe(true);
  });

  it.each([
    "https://qr.example.com/",
    "https://qr.example.com/docs",
    "https://qr.example.com/abc/d",
    "https://qr.example.com/assets/x.js",
    "https://qr.example.com:8443/abc",
    "https://other.example.com/abc",
    "https://qr.example.com.evil.example/abc",
    "https://example.com/abc",
    "https://qr.example.com/%zz",
  ])("is nothing else: %s", (url) => {
    expect(isShortUrl(url, base)).toBe(false);
  });

  it("is below any of the bases, and below the path of a base alone", () => {
    const bases = ["https://example.com/q", "https://münchen.example"];
    expect(isShortUrl("https://example.com/q/abc", ...bases)).toBe(true);
    expect(isShortUrl("https://xn--mnchen-3ya.example./abc", ...bases)).toBe(true);
    expect(isShortUrl("https://example.com/abc", ...bases)).toBe(false);
    expect(isShortUrl("https://example.com/query", ...bases)).toBe(false);
  });

  it.each(["LOCALHOST.", "127.0.0.1", "127.1", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "a.localhost"])(
    "is known by every name of this machine: %s",
    (host) => {
      expect(isShortUrl(`http://${host}:8080/abc`, "http://localhost:8080")).toBe(true);
      expect(isShortUrl(`http://${host}:9090/abc`, "http://localhost:8080")).toBe(false);
    },
  );
});
