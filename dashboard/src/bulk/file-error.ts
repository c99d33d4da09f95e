/** A fault of a whole file. Its message says what to change, to the person who chose it. */
export class CsvFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CsvFileError";
  }
}
