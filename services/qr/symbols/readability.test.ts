import { describe, expect, it } from "vitest";
import { readabilityIssue, sizeIssue } from "./readability.ts";
import { plainStyle, type SymbolRequest } from "./style.ts";

const symbol = (slug: string, change: Partial<SymbolRequest> = {}): SymbolRequest => ({
  text: `https://qr.example.com/${slug}`,
  style: plainStyle,
  logo: undefined,
  margin: 4,
  ecc: "M",
  ...change,
});
const long = "a1".repeat(31).slice(0, 63);
const dense = { ...plainStyle, moduleShape: "dot", finderShape: "circle" } as const;

describe("a picture too small for its symbol", () => {
  for (const [what, request, size] of [
    ["a wide margin", symbol("qr-0000000", { margin: 16 }), 64],
    ["a long slug", symbol(long), 64],
    ["a high correction", symbol("menu-of-the-winter", { ecc: "H" }), 80],
    ["a caption", symbol("qr-0000000", { style: { ...plainStyle, caption: "Scan me" } }), 70],
    ["dots", symbol("menu-of-the-winter", { style: dense, ecc: "Q" }), 70],
  ] as [string, SymbolRequest, number][]) {
    it(`is refused with the smallest size, which is accepted: ${what}`, { timeout: 30_000 }, async () => {
      expect(await readabilityIssue(request)).toBeUndefined();
      const refused = await sizeIssue(request, size);
      expect(refused).toMatchObject({ field: "size", issue: expect.stringMatching(/at least \d+$/) });
      const smallest = Number(/\d+$/.exec(refused?.issue ?? "")?.[0]);
      expect(await sizeIssue(request, smallest)).toBeUndefined();
    });
  }

  it("is not refused where its modules have two pixels and are read back", async () => {
    expect(await sizeIssue(symbol("qr-0000000", { margin: 0 }), 64)).toBeUndefined();
    expect(await sizeIssue(symbol(long), 4_096)).toBeUndefined();
  });
});
