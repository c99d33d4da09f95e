import { type Checked, checkTable, fileBytesMax } from "./check.ts";
import { type Decoded, decodeFile, type Encoding } from "./encoding.ts";
import { CsvFileError } from "./file-error.ts";

export interface ChosenFile {
  name: string;
  bytes: Uint8Array;
  /** The encoding that a person chose; undefined to find it out. */
  encoding: Encoding | undefined;
}

/** What a file is found to be: its text where that can be read, what is in it where that can be parsed, or why not. */
export interface Reading {
  decoded?: Decoded;
  checked?: Checked;
  error?: Error;
}

/** Reads the bytes of a file that somebody chose. Throws a CsvFileError for one that is too large. */
export async function readBytes(file: File): Promise<Uint8Array> {
  if (file.size > fileBytesMax) {
    throw new CsvFileError(`The file has more than ${fileBytesMax / 1024 / 1024} MB. Split it.`);
  }
  return new Uint8Array(await file.arrayBuffer());
}

/** Decodes, parses and checks a file. What is wrong with it as a whole is returned, beside what could be found out. */
export function readChosenFile({ name, bytes, encoding }: ChosenFile): Reading {
  const reading: Reading = {};
  try {
    reading.decoded = decodeFile(bytes, name, encoding);
    reading.checked = checkTable(reading.decoded.text);
  } catch (error) {
    if (!(error instanceof CsvFileError)) throw error;
    reading.error = error;
  }
  return reading;
}
