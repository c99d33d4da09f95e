/** Returns the length of a text in Unicode code points, as people count most scripts. */
export function lengthOf(text: string): number {
  return [...text].length;
}

/** Returns what is wrong with a text of one line, or undefined. */
export function lineIssue(text: string, min: number, max: number): string | undefined {
  return /[\t\n\r]/.test(text) ? "must be one line, without tabs" : textIssue(text, min, max);
}

/** Characters that change or end a line unseen: controls, separators of lines, and what overrides the direction of text. */
const unseen = /[^\P{Cc}\t\n\r]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** A character with ink, which neither blanks and marks have, nor the letters and symbols that are drawn empty. */
const seen = /(?![\p{Default_Ignorable_Code_Point}\u2800])[\p{L}\p{N}\p{P}\p{S}]/u;

/** Returns what is wrong with a text, or undefined. Texts are stored in NFC, in which their length is counted. */
export function textIssue(given: string, min: number, max: number): string | undefined {
  const text = given.normalize();
  if (min > 0 && text.trim() === "") return "is required";
  if (lengthOf(text) > max) return `must have at most ${max} characters`;
  if (!text.isWellFormed()) return "must be well-formed Unicode";
  const [wrong] = unseen.exec(text) ?? [];
  if (wrong !== undefined) return `has ${codePointOf(wrong)}, which cannot be seen; remove it`;
  if (min > 0 && !seen.test(text)) {
    const names = [...new Set(text)].slice(0, 5).map(codePointOf).join(" ");
    return `must have something that can be seen, not only ${names}`;
  }
  return undefined;
}

/** Returns the name of a character, like U+202E. */
function codePointOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
