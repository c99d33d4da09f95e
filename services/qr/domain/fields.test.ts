import { describe, expect, it } from "vitest";
import { createShortUrlCheck } from "../../../contracts/short-url.ts";
import { plainStyle } from "../symbols/style.ts";
import { changeStyle, codeIssues, projectIssues } from "./fields.ts";

const noShortUrl = createShortUrlCheck([]);

describe("fields", () => {
  it("count characters as a person would", () => {
    expect(codeIssues({ name: "😀".repeat(200) }, noShortUrl)).toEqual([]);
    expect(codeIssues({ name: "😀".repeat(201) }, noShortUrl)).toHaveLength(1);
    expect(projectIssues({ name: "n", description: "x".repeat(501) })).toMatchObject([{ field: "description" }]);
  });

  it("are all judged, and those not given are left alone", () => {
    const issues = codeIssues({ name: "", redirectUrl: "x", slug: "x", style: { foreground: "red" } }, noShortUrl);
    expect(issues.map(({ field }) => field)).toEqual(["name", "redirect_url", "slug", "style.foreground"]);
    expect(codeIssues({}, noShortUrl)).toEqual([]);
  });

  it("change the parts of a style that are given, and leave the others", () => {
    expect(changeStyle(plainStyle, { foreground: "#ABCDEF", caption: "x" })).toEqual({
      ...plainStyle,
      foreground: "#abcdef",
      caption: "x",
    });
  });

  it("store captions in NFC, so that equal ones are the same", () => {
    for (const caption of ["Français", "Smörgåsbord", "Café Ångström"]) {
      expect(codeIssues({ style: { caption: caption.normalize("NFD") } }, noShortUrl)).toEqual([]);
      expect(changeStyle(plainStyle, { caption: caption.normalize("NFD") }).caption).toBe(caption.normalize("NFC"));
    }
  });

  it("of names are one line", () => {
    for (const name of ["a\tb", "a\nb"]) expect(codeIssues({ name }, noShortUrl)).toHaveLength(1);
    expect(projectIssues({ name: "n", description: "a\nb" })).toEqual([]);
  });
});
