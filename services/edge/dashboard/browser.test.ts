import { expect, it } from "vitest";
import { browserOf } from "./browser.ts";

it("a browser is named with its operating system and no version", () => {
  const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0";
  expect(browserOf(firefox)).toBe("Firefox on Windows");
  const iphone =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
  expect(browserOf(iphone)).toBe("Safari on iOS");
});

it("a header that names none gives no name, and a long one is not read to its end", () => {
  expect(browserOf("")).toBe("");
  expect(browserOf(`${" ".repeat(512)}Mozilla/5.0 (Windows NT 10.0) Firefox/128.0`)).toBe("");
});
