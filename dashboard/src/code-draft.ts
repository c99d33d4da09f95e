import type { Code, Style } from "./api.ts";

/** What a person can enter for a code. */
export interface CodeDraft {
  name: string;
  redirect_url: string;
  project_id: string;
  style: Style;
}

type Value = string | number | null;
/** A draft as one flat record: the fields of the style are named `style.…`. */
type Flat = Record<string, Value>;

/** A field that somebody else has changed meanwhile. */
export interface Change {
  field: string;
  before: Value;
  theirs: Value;
  /** What was entered here for it; undefined if nothing was. */
  mine: Value | undefined;
}

export function draftOf({ name, redirect_url, project_id, style }: Code): CodeDraft {
  return { name, redirect_url, project_id, style };
}

function flatten({ style, ...rest }: CodeDraft): Flat {
  const styles = Object.entries(style).map(([name, value]) => [`style.${name}`, value]);
  return { ...rest, ...Object.fromEntries(styles) };
}

export function isSame(one: CodeDraft, other: CodeDraft): boolean {
  const [a, b] = [flatten(one), flatten(other)];
  return Object.keys({ ...a, ...b }).every((field) => a[field] === b[field]);
}

/** Returns the draft with one field changed, which may be one of the style. */
export function withField(draft: CodeDraft, field: string, value: Value): CodeDraft {
  const [first, inner] = field.split(".");
  if (first === "style" && inner) return { ...draft, style: { ...draft.style, [inner]: value } };
  return { ...draft, [field]: value };
}

/** Returns what a draft has for a field, which may be one of the style. */
export const fieldOf = (draft: CodeDraft, field: string): Value => flatten(draft)[field] ?? null;

/**
 * Puts what was entered on top of what somebody else has saved. Returns the draft, in which each field that was changed
 * here is kept and each other one is theirs, and the list of what they changed.
 */
export function rebase(base: CodeDraft, mine: CodeDraft, theirs: CodeDraft): { draft: CodeDraft; changes: Change[] } {
  const [before, here, there] = [flatten(base), flatten(mine), flatten(theirs)];
  let draft = theirs;
  const changes: Change[] = [];
  for (const field of Object.keys(there)) {
    const [was, now, entered] = [before[field] ?? null, there[field] ?? null, here[field] ?? null];
    const isMine = entered !== was && entered !== now;
    if (isMine) draft = withField(draft, field, entered);
    if (now !== was) changes.push({ field, before: was, theirs: now, mine: isMine ? entered : undefined });
  }
  return { draft, changes };
}
