import { describe, expect, it } from "vitest";
import { fillSpans, monthOf, spanMs, topValues, wholeSpans } from "./spans.ts";

const at = (text: string) => Date.parse(text);

describe("spans", () => {
  it("are whole: from the beginning of the first to the end of the last that a range touches", () => {
    expect(wholeSpans(at("2026-11-25T10:59:59Z"), at("2026-11-25T12:00:00Z"), "hour")).toEqual({
      fromMs: at("2026-11-25T10:00:00Z"),
      toMs: at("2026-11-25T12:00:00Z"),
    });
    expect(wholeSpans(at("2028-02-29T23:59:59.999Z"), at("2028-03-01T00:00:00.001Z"), "day")).toEqual({
      fromMs: at("2028-02-29T00:00:00Z"),
      toMs: at("2028-03-02T00:00:00Z"),
    });
  });

  it("without anything counted are there with zero", () => {
    const range = { fromMs: 0, toMs: 3 * spanMs.hour };
    expect(fillSpans(range, "hour", new Map([[spanMs.hour, 7]]), 0)).toEqual([
      { startMs: 0, count: 0 },
      { startMs: spanMs.hour, count: 7 },
      { startMs: 2 * spanMs.hour, count: 0 },
    ]);
  });
});

describe("the most frequent values", () => {
  it("are shown, and all the rest is one more, so that the sum stays", () => {
    const values = [5, 4, 3, 2].map((scans, index) => ({ value: `v${index}`, scans }));
    expect(topValues(values, 4)).toEqual(values);
    expect(topValues(values, 3)).toEqual([...values.slice(0, 2), { value: "other", scans: 5 }]);
  });
});

describe("a month", () => {
  it("begins on its first day, also in December", () => {
    expect(monthOf(at("2026-12-31T23:59:59Z"))).toEqual({
      first: new Date("2026-12-01T00:00:00Z"),
      next: new Date("2027-01-01T00:00:00Z"),
    });
  });
});
