import Papa from "papaparse";

/**
 * Returns a CSV file, comma-separated with CRLF. A cell that a spreadsheet program would run as a formula (it begins with
 * `=`, `+`, `-`, `@`, tab or CR) has an apostrophe before it, as OWASP advises; reading a file takes it off again.
 * With `byteOrderMark` Excel reads it as UTF-8.
 */
export function writeCsv(heading: string[], rows: (string | number)[][], byteOrderMark: boolean): Blob {
  const text = Papa.unparse({ fields: heading, data: rows }, { escapeFormulae: true, newline: "\r\n" });
  return new Blob([byteOrderMark ? "\ufeff" : "", text, "\r\n"], { type: "text/csv;charset=utf-8" });
}
