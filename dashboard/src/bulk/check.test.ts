import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkTable, type Fault, type Row, rowsMax } from "./check.ts";
import { decodeFile } from "./encoding.ts";
import { rejectBinaryFile } from "./file-kind.ts";
import { parseTable } from "./table.ts";

interface Case {
  file: string;
  promise: string;
  error?: string;
  encoding?: string;
  isGuess?: boolean;
  delimiter?: string;
  heading?: boolean;
  ignored?: string[];
  good: [line: number, name: string, redirectUrl: string, slug: string][];
  faults?: [line: number, field: string | null, issue: string][];
}

const folder = new URL("../../../test/cases/csv/", import.meta.url);
const cases = JSON.parse(readFileSync(new URL("cases.json", folder), "utf8")) as Case[];

const toCase = ({ line, name, redirect_url, slug }: Row) => [line, name, redirect_url, slug];
const toShort = ({ line, field, issue }: Fault) => [line, field ?? null, issue];

describe("a file", () => {
  for (const { file, promise, ...expected } of cases) {
    it(`${file}: ${promise}`, () => {
      const bytes = new Uint8Array(readFileSync(new URL(file, folder)));
      if (expected.error !== undefined) {
        expect(() => checkTable(decodeFile(bytes, file).text)).toThrow(expected.error);
        return;
      }
      const { text, encoding, isGuess } = decodeFile(bytes, file);
      const { good, faults, columns } = checkTable(text);
      if (expected.encoding !== undefined) expect(encoding).toBe(expected.encoding);
      if (expected.isGuess !== undefined) expect(isGuess).toBe(expected.isGuess);
      if (expected.delimiter !== undefined) expect(parseTable(text).delimiter).toBe(expected.delimiter);
      expect(columns.heading !== undefined).toBe(expected.heading ?? true);
      expect(columns.ignored).toEqual(expected.ignored ?? []);
      expect(good.map(toCase)).toEqual(expected.good);
      const issues = (expected.faults ?? []).map(([line, field, issue]) => [
        line,
        field,
        expect.stringContaining(issue),
      ]);
      expect(faults.map(toShort)).toEqual(issues);
    });
  }

  it("is read in the encoding that a person chooses, and refused if its bytes are not of it", () => {
    const bytes = new Uint8Array(readFileSync(new URL("koi8-r.csv", folder)));
    expect(decodeFile(bytes, "x.csv", "windows-1251").text).toContain("нЕОА");
    expect(() => decodeFile(bytes, "x.csv", "utf-8")).toThrow("bytes that are not UTF-8. Choose another encoding");
  });

  it("that is a workbook is named by its ending, with the way to CSV", () => {
    const zip = new TextEncoder().encode("PK\u0003\u0004");
    expect(() => rejectBinaryFile(zip, "Tables.XLSX")).toThrow(/Tables.XLSX is an Excel workbook.*Save As/);
    expect(() => rejectBinaryFile(zip, "tables.ods")).toThrow(/OpenDocument.*LibreOffice/);
    expect(() => rejectBinaryFile(zip, "photos.zip")).toThrow(/ZIP archive/);
  });

  it(`may have ${rowsMax} codes and no more, each in its place`, () => {
    const lines = Array.from(
      { length: rowsMax },
      (_, index) => `Table ${index},https://example.com/${index},t-${index}`,
    );
    const { good, faults } = checkTable(`name,url,slug\n${lines.join("\n")}`);
    expect(faults).toEqual([]);
    expect(good.map(({ line }) => line)).toEqual(lines.map((_, index) => index + 2));
    expect(() => checkTable(`name,url,slug\n${lines.join("\n")}\nOne more,https://example.com/,`)).toThrow(
      "10,001 codes",
    );
  });

  it("in which every line has a fault gets all of them", () => {
    const lines = Array.from({ length: rowsMax }, () => "Table,nowhere,UP");
    const { good, bad, faults } = checkTable(`name,url,slug\n${lines.join("\n")}`);
    expect(good).toEqual([]);
    expect(bad).toHaveLength(rowsMax);
    expect(faults).toHaveLength(3 * rowsMax - 1);
  });

  it("with wrong quotes in line after line is refused as a whole", () => {
    const lines = Array.from({ length: rowsMax }, (_, index) => `"Table" ${index},https://example.com/`);
    expect(() => checkTable(`name,url\n${lines.join("\n")}`)).toThrow(/More than 100 lines .* the first is line 2/);
  });
});
