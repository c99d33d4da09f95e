/** Something that the person at the terminal can mend. Its message is one line that says what to do. */
export class Problem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Problem";
  }
}
