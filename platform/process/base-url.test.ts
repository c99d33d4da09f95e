import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { baseUrl, baseUrls } from "./base-url.ts";
import { loadConfig } from "./config.ts";

const file = new URL("../../test/cases/base-urls/cases.json", import.meta.url);
const { cases }: { cases: { given: string; value?: string; issue?: string }[] } = JSON.parse(
  readFileSync(file, "utf8"),
);

describe("a URL that printed codes and links begin with", () => {
  const setting = { base: baseUrl("BASE", "where short URLs begin") };
  it.each(cases)("is read into one spelling, or refused with what to write: $given", ({ given, value, issue }) => {
    if (issue === undefined) expect(loadConfig(setting, { BASE: given })).toEqual({ base: value });
    else {
      expect(() => loadConfig(setting, { BASE: given })).toThrow(`BASE: ${issue} (`);
      expect(() => loadConfig(setting, { BASE: given })).toThrow(/^(?!.*secret)/);
    }
  });

  it("is read alike in a list", () => {
    const list = { bases: baseUrls("BASES", "further ones") };
    const bases = loadConfig(list, { BASES: "https://A.example./, ,http://b.example:80" });
    expect(bases).toEqual({ bases: ["https://a.example", "http://b.example"] });
    expect(loadConfig(list, {})).toEqual({ bases: [] });
  });
});
