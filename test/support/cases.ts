import { readFileSync } from "node:fs";

/** Returns what `test/cases/FOLDER/cases.json` holds. */
export function readCaseFile<File>(folder: string): File {
  return JSON.parse(readFileSync(new URL(`../cases/${folder}/cases.json`, import.meta.url), "utf8"));
}
