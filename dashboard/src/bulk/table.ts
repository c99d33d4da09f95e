import Papa from "papaparse";
import { CsvFileError } from "./file-error.ts";

/** One record of the file. */
export interface Line {
  /** Number of the line in the file, from 1, where the record begins. */
  line: number;
  /** Number of the line in which it ends: a quoted field may hold line breaks. */
  lastLine: number;
  cells: string[];
}

/** A quote that is opened and never closed, or not where a field ends. */
export interface QuoteFault {
  /** Number of the line in which the quote is opened. */
  line: number;
  /** The text of the record, up to the end of that line. */
  text: string;
}

export interface Table {
  delimiter: Delimiter;
  /** Records that are not empty, in the order of the file. */
  lines: Line[];
  quoteFaults: QuoteFault[];
}

export const delimiters = [",", ";", "\t", "|"] as const;
export type Delimiter = (typeof delimiters)[number];

/** With more lines whose quotes are wrong, the file is not what it was taken for. */
const quoteFaultsMax = 100;

/**
 * Splits a text into records. Line breaks may be LF, CRLF or CR. A first line `sep=;`, as Excel understands it, names the
 * delimiter. After a line with a wrong quote reading goes on with the next line, so that no other line is swallowed.
 */
export function parseTable(source: string): Table {
  const text = source.replace(/\r\n?/g, "\n");
  const named = /^sep=([,;\t|])(?=\n|$)/i.exec(text);
  const skipped = named ? 1 : 0;
  const body = named ? text.slice(named[0].length + 1) : text;
  const delimiter = (named?.[1] as Delimiter | undefined) ?? findDelimiter(body);
  const table: Table = { delimiter, lines: [], quoteFaults: [] };
  for (let rest = body, line = skipped + 1; rest !== ""; ) {
    const { data, errors } = Papa.parse<string[]>(rest, { delimiter, newline: "\n" });
    const fault = errors.find(({ type }) => type === "Quotes");
    const records = fault ? data.slice(0, fault.row) : data;
    let at = line;
    for (const cells of records) {
      const lastLine = at + cells.reduce((sum, cell) => sum + countBreaks(cell), 0);
      if (cells.some((cell) => cell.trim() !== "")) table.lines.push({ line: at, lastLine, cells });
      at = lastLine + 1;
    }
    if (!fault) break;
    // The index is that of the character after the quote that opened the field. The record may begin some lines before.
    const opened = (fault.index ?? 1) - 1;
    const faultLine = line + countBreaks(rest.slice(0, opened));
    const end = rest.indexOf("\n", opened);
    const record = rest.split("\n", faultLine - line + 1).slice(at - line);
    table.quoteFaults.push({ line: faultLine, text: record.join("\n") });
    if (table.quoteFaults.length > quoteFaultsMax) {
      throw new CsvFileError(
        `More than ${quoteFaultsMax} lines have a quote (") that is not closed, the first is line ${table.quoteFaults[0]?.line}. Write a quote within a field twice (""), or export the file as CSV again.`,
      );
    }
    if (end === -1) break;
    rest = rest.slice(end + 1);
    line = faultLine + 1;
  }
  return table;
}

function countBreaks(text: string): number {
  let count = 0;
  for (let index = text.indexOf("\n"); index !== -1; index = text.indexOf("\n", index + 1)) count++;
  return count;
}

/** Returns the delimiter that splits the first line that is not empty, or else the one that Papa Parse guesses. */
function findDelimiter(text: string): Delimiter {
  const first = /^.*\S.*$/m.exec(text)?.[0] ?? "";
  const unquoted = first.replace(/"(?:[^"]|"")*"/g, "");
  const found = delimiters.filter((delimiter) => unquoted.includes(delimiter));
  if (found.length === 1) return found[0] as Delimiter;
  const { meta } = Papa.parse(text, { preview: 20, newline: "\n", delimitersToGuess: [...delimiters] });
  return delimiters.find((delimiter) => delimiter === meta.delimiter) ?? ",";
}
