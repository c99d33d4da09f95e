import { describe, expect, it } from "vitest";
import { acceptedFormat } from "./accept.ts";

describe("the format of a symbol", () => {
  it.each([
    [undefined, "svg"],
    ["*/*", "svg"],
    ["text/html", "svg"],
    ["image/png", "png"],
    ["image/*", "svg"],
    ["application/*", "pdf"],
    ["image/svg+xml;q=0.4, application/pdf;q=0.5", "pdf"],
    ["text/html;q=0.9, image/*;q=0.2, */*;q=0.1", "svg"],
  ] as const)("is what the client prefers: Accept %s is %s", (accept, format) => {
    expect(acceptedFormat(accept)).toBe(format);
  });

  it.each([
    ["image/*;q=0", "pdf"],
    ["image/*;q=0, */*", "pdf"],
    ["*/*, image/*;q=0", "pdf"],
    ["image/*;q=0, image/png", "png"],
    ["image/svg+xml;q=0", "png"],
    ["image/svg+xml;q=0, */*", "png"],
    ["IMAGE/*; Q=0", "pdf"],
  ] as const)("is none that the client excludes: Accept %s is %s", (accept, format) => {
    expect(acceptedFormat(accept)).toBe(format);
  });
});
