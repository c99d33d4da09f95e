/** How deep a body's arrays and objects may be nested. */
const depthMax = 32;

/** The fields of an object that is open, a set only from its second field on; null for an array. */
type Fields = Set<string> | string | undefined | null;

/**
 * Returns what is wrong with a text that is JSON and yet not to be trusted: a field that occurs twice in one object, where
 * readers differ on which one counts, a field that reaches a prototype, or nesting beyond any use. Undefined if nothing is. Reads the text once.
 */
export function jsonTextIssue(text: string): string | undefined {
  const open: Fields[] = [];
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
        if (open.at(-1) !== null && isKey(text, end)) {
          const issue = addField(open, readString(text.slice(at + 1, end - 1)));
          if (issue) return issue;
        }
        at = end - 1;
      }
    }
  }
  return undefined;
}

/** Adds a field to the object that was opened last, and returns what is wrong with it. */
function addField(open: Fields[], name: string): string | undefined {
  if (name === "__proto__" || name === "constructor") return "must not have a key __proto__ or constructor";
  const fields = open.at(-1);
  if (fields === name || (fields instanceof Set && fields.has(name))) {
    return `has the field ${JSON.stringify(name.slice(0, 100))} twice`;
  }
  if (fields instanceof Set) fields.add(name);
  else open[open.length - 1] = typeof fields === "string" ? new Set([fields, name]) : name;
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
  return raw.includes("\\") ? JSON.parse(`"${raw}"`) : raw;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return text[at] === ":";
}
