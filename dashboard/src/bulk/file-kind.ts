import { CsvFileError } from "./file-error.ts";

const asCsv = {
  excel: "In Excel: File, Save As, “CSV UTF-8 (Comma delimited)”.",
  libreOffice: "In LibreOffice: File, Save As, “Text CSV”.",
  numbers: "In Numbers: File, Export To, CSV.",
  any: "Open it in a spreadsheet program and save it as CSV.",
};

/** Kinds of files by their name's ending, for formats that begin alike. */
const byEnding: Record<string, [name: string, advice: string]> = {
  xlsx: ["an Excel workbook", asCsv.excel],
  xlsm: ["an Excel workbook", asCsv.excel],
  xls: ["an Excel workbook", asCsv.excel],
  ods: ["an OpenDocument spreadsheet", asCsv.libreOffice],
  numbers: ["a Numbers document", asCsv.numbers],
  docx: ["a Word document", "Copy its table into a spreadsheet and save that as CSV."],
};

/** Kinds of files by their first bytes, written as Latin-1. */
const byStart: [start: string, name: string, advice: string][] = [
  ["PK\x03\x04", "a ZIP archive or a workbook", `Unpack it; if it is a workbook, save it as CSV. ${asCsv.excel}`],
  ["\xd0\xcf\x11\xe0", "an Excel workbook of an old kind", asCsv.excel],
  ["%PDF", "a PDF", "Save the table that it was made of as CSV."],
  ["\x89PNG", "a PNG picture", "Choose the table, not its picture."],
  ["\xff\xd8\xff", "a JPEG picture", "Choose the table, not its picture."],
  ["GIF8", "a GIF picture", "Choose the table, not its picture."],
  ["RIFF", "a picture or a sound", "Choose the table itself."],
  ["\x1f\x8b", "a gzip archive", "Unpack it first."],
  ["7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first."],
  ["Rar!", "a RAR archive", "Unpack it first."],
  ["SQLite format 3", "a SQLite database", "Export its table as CSV."],
  ["{\\rtf", "an RTF document", "Copy its table into a spreadsheet and save that as CSV."],
];
const startBytesMax = 16;

/** Throws a CsvFileError that names the kind of file and how to get a CSV from it, if it is a known kind that is no text. */
export function rejectBinaryFile(bytes: Uint8Array, fileName: string): void {
  const start = String.fromCharCode(...bytes.subarray(0, startBytesMax));
  const known = byStart.find(([first]) => start.startsWith(first));
  if (!known) return;
  const [, name, advice] = known;
  const [shown, how] = byEnding[fileName.toLowerCase().split(".").at(-1) ?? ""] ?? [name, advice];
  throw new CsvFileError(`${fileName} is ${shown}, not CSV. ${how}`);
}

/** Throws for bytes that are neither text of a known encoding nor a known kind. */
export function rejectUnknownBinary(fileName: string): never {
  throw new CsvFileError(`${fileName} is not text, so it is not CSV. ${asCsv.any}`);
}
