/** How deep a body's arrays and objects may be nested. */
const depthMax = 32;

/**
 * Returns what is wrong with a text that is JSON and yet not to be trusted: a field that occurs twice in one object, where
 * readers differ on which one counts, a field that reaches a prototype, or nesting beyond any use. Undefined if nothing is. Reads the text once.
 */
export function jsonTextIssue(text: string): string | undefined {
  /** The fields of each object that is open, a set only from its second field on; null for an array. */
  const open: (Set<string> | string | undefined | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case openBrace:
      case openBracket:
        open.push(text.charCodeAt(at) === openBrace ? undefined : null);
        if (open.length > depthMax) return `is nested more than ${depthMax} deep`;
        break;
      case closeBrace:
      case closeBracket:
        open.pop();
        break;
      case quote: {
        const end = endOfString(text, at);
        const fields = open.at(-1);
        if (fields !== null && isKey(text, end)) {
          const name = readString(text.slice(at + 1, end - 1));
          if (name === "__proto__" || name === "constructor") return "must not have a key __proto__ or constructor";
          if (fields === name || (fields instanceof Set && fields.has(name))) {
            return `has the field ${JSON.stringify(name.slice(0, 100))} twice`;
          }
          if (fields instanceof Set) fields.add(name);
          else open[open.length - 1] = fields === undefined ? name : new Set([fields, name]);
        }
        at = end - 1;
      }
    }
  }
  return undefined;
}

const quote = 0x22;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Returns the place after a string's closing quotation mark. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** Returns the text that stands between quotation marks, without its escapes. */
function readString(raw: string): string {
  return raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return text[at] === ":";
}
