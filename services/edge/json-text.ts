/** How deep a body's arrays and objects may be nested. */
const depthMax = 32;

/**
 * What is wrong with a text that is JSON and yet not to be trusted: a field that stands twice in one object, where readers
 * differ on which one counts, or nesting beyond any use. Undefined if nothing is.
 */
export function jsonTextIssue(text: string): string | undefined {
  /** The fields of each object that is open; null for an array. */
  const open: (Set<string> | null)[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      const fields = open.at(-1);
      if (fields && isKey(text, end)) {
        const name = JSON.parse(text.slice(at, end)) as string;
        if (fields.has(name)) return `has the field ${JSON.stringify(name.slice(0, 100))} twice`;
        fields.add(name);
      }
      at = end;
      continue;
    }
    if (character === "{" || character === "[") {
      open.push(character === "{" ? new Set() : null);
      if (open.length > depthMax) return `is nested more than ${depthMax} deep`;
    } else if (character === "}" || character === "]") open.pop();
    at++;
  }
  return undefined;
}

/** The place after a string's closing quotation mark. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return text[at] === ":";
}
