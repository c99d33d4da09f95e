import { qrCodeTextIssues } from "../../../contracts/qr-code.ts";
import { createShortUrlCheck } from "../../../contracts/short-url.ts";
import { type Columns, type Field, findColumns } from "./columns.ts";
import { CsvFileError } from "./file-error.ts";
import { type Line, parseTable, type QuoteFault } from "./table.ts";

/** One code of the file. */
export interface Row {
  /** Number of the line in the file, from 1. */
  line: number;
  name: string;
  redirect_url: string;
  /** Empty for one that the service chooses. */
  slug: string;
}

/** Something to change in the file. */
export interface Fault {
  line: number;
  /** The column; undefined for a fault of the whole line. */
  field: Field | undefined;
  value: string;
  issue: string;
}

export interface Checked {
  /** Rows without a fault, in the order of the file. */
  good: Row[];
  /** Rows with faults, and lines that could not be split into columns. */
  bad: Row[];
  /** In the order of the file. */
  faults: Fault[];
  columns: Columns;
}

/** The service alone knows all addresses at which short URLs are answered. */
const noShortUrl = createShortUrlCheck([]);

/** Codes of one file. */
export const rowsMax = 10_000;
/** Rows of the longest names and URLs would fill it. */
export const fileBytesMax = 32 * 1024 * 1024;

/** Checks everything that can be known without the service. Throws a CsvFileError where the file is at fault as a whole. */
export function checkTable(text: string): Checked {
  const { lines, quoteFaults } = parseTable(text);
  const [first] = lines;
  if (!first)
    throw new CsvFileError(quoteFaults[0] ? `Line ${quoteFaults[0].line}: ${unclosed}.` : "The file is empty.");
  const columns = findColumns(first);
  const rows = (columns.heading ? lines.slice(1) : lines).map((line) => ({ row: toRow(line, columns), line }));
  const count = rows.length + quoteFaults.length;
  if (count === 0) throw new CsvFileError("The file has no line after its heading.");
  if (count > rowsMax) {
    throw new CsvFileError(
      `The file has ${count.toLocaleString("en")} codes; at most ${rowsMax.toLocaleString("en")} are taken at once. Split it.`,
    );
  }
  const firstOfSlug = new Map<string, number>();
  const checked: Checked = { good: [], bad: [], faults: [], columns };
  for (const { row, line } of rows) {
    const faults = [...faultsOf(row, line), ...duplicateOf(row, firstOfSlug)];
    (faults.length > 0 ? checked.bad : checked.good).push(row);
    checked.faults.push(...faults);
  }
  for (const fault of quoteFaults) {
    checked.bad.push(toBrokenRow(fault));
    checked.faults.push({ line: fault.line, field: undefined, value: fault.text, issue: unclosed });
  }
  checked.bad.sort((a, b) => a.line - b.line);
  checked.faults.sort((a, b) => a.line - b.line);
  return checked;
}

const unclosed =
  'opens a quote (") that is not closed at the end of a field: close it, or write a quote within a field twice ("")';

function toRow({ line, cells }: Line, { at }: Columns): Row {
  const cell = (field: Field) => (at[field] === undefined ? "" : unescapeFormula((cells[at[field]] ?? "").trim()));
  return { line, name: cell("name"), redirect_url: cell("redirect_url"), slug: cell("slug") };
}

const toBrokenRow = ({ line, text }: QuoteFault): Row => ({ line, name: text, redirect_url: "", slug: "" });

/** Takes off the apostrophe that spreadsheet exports, ours too, put before what would be a formula. */
const unescapeFormula = (cell: string) => (/^'[=+\-@]/.test(cell) ? cell.slice(1) : cell);

function faultsOf(row: Row, { line, lastLine }: Line): Fault[] {
  const { name, redirect_url, slug } = row;
  const issues = qrCodeTextIssues({ name, redirectUrl: redirect_url, slug: slug || undefined }, noShortUrl);
  const faults = issues.map(({ field, issue }) => {
    const value = row[field as Field];
    const spread = value.includes("\n") ? `; its quotes go on to line ${lastLine}` : "";
    return { line, field: field as Field, value, issue: issue + spread };
  });
  for (const field of ["name", "redirect_url", "slug"] as const) {
    if (!row[field].includes("\ufffd")) continue;
    const issue = "holds the sign � in place of a character that was lost before: write that character again";
    faults.push({ line, field, value: row[field], issue });
  }
  return faults;
}

function duplicateOf({ line, slug }: Row, firstOfSlug: Map<string, number>): Fault[] {
  if (slug === "") return [];
  const key = slug.toLowerCase();
  const first = firstOfSlug.get(key);
  if (first === undefined) {
    firstOfSlug.set(key, line);
    return [];
  }
  return [{ line, field: "slug", value: slug, issue: `is in line ${first} already; choose another` }];
}
