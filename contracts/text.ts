/** Returns what is wrong with a text of one line, or undefined. */
export function lineIssue(text: string, min: number, max: number): string | undefined {
  return /[\t\n\r]/.test(text) ? "must be one line, without tabs" : textIssue(text, min, max);
}

/** Returns the length of a text in Unicode code points, as people count most scripts. */
export function lengthOf(text: string): number {
  return [...text].length;
}

/** Returns what is wrong with a text, or undefined. */
export function textIssue(text: string, min: number, max: number): string | undefined {
  if (min > 0 && text.trim() === "") return "is required";
  if (lengthOf(text) > max) return `must have at most ${max} characters`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) return "must not have control characters";
  if (!text.isWellFormed()) return "must be well-formed Unicode";
  return undefined;
}
