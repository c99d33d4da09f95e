import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { icon } from "./well-known-files.ts";

it("the icon is the dashboard's", () => {
  const own = readFileSync(new URL("../../../dashboard/src/icon.svg", import.meta.url), "utf8");
  expect(icon.replaceAll("\n", "")).toBe(own.replaceAll("\n", ""));
});
