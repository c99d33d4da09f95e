import type { FieldIssue } from "../../platform/errors.ts";
import { redirectUrlIssue } from "./redirect-url.ts";
import { slugIssue } from "./slugs.ts";
import { captionLengthMax, logoSizeBounds, type Style } from "./symbols/style.ts";

/** The fields of a code that a caller may give; undefined leaves a field alone. */
export interface CodeFields {
  name?: string | undefined;
  redirectUrl?: string | undefined;
  slug?: string | undefined;
  style?: Partial<Style> | undefined;
}

/** Everything that is wrong with the fields given. `shortUrl` is the code's own, where it is known. */
export function codeIssues(fields: CodeFields, shortUrl: string | undefined): FieldIssue[] {
  const issues: [string, string | undefined][] = [];
  if (fields.name !== undefined) issues.push(["name", lineIssue(fields.name, 1, 200)]);
  if (fields.redirectUrl !== undefined) issues.push(["redirect_url", redirectUrlIssue(fields.redirectUrl, shortUrl)]);
  if (fields.slug !== undefined) issues.push(["slug", slugIssue(fields.slug)]);
  return [...toFieldIssues(issues), ...styleIssues(fields.style ?? {})];
}

/** Everything that is wrong with the parts of a style that are given, before it is drawn. */
export function styleIssues(style: Partial<Style>): FieldIssue[] {
  const issues: [string, string | undefined][] = [];
  for (const part of ["foreground", "background"] as const) {
    const colour = style[part];
    if (colour && !/^#[0-9a-f]{6}$/i.test(colour)) issues.push([`style.${part}`, "must be a colour like #1a2b3c"]);
  }
  const { logoSize, caption, logoId } = style;
  if (logoSize !== undefined && (logoSize < logoSizeBounds.min || logoSize > logoSizeBounds.max)) {
    issues.push(["style.logo_size", `must be from ${logoSizeBounds.min} to ${logoSizeBounds.max} percent`]);
  }
  if (logoId && !logoIdPattern.test(logoId)) issues.push(["style.logo", "must be a picture or the id of one"]);
  if (caption) issues.push(["style.caption", lineIssue(caption, 1, captionLengthMax)]);
  return toFieldIssues(issues);
}

const logoIdPattern = /^[0-9a-f]{32}$/;

/** Everything that is wrong with a project's fields. */
export function projectIssues(fields: { name: string; description: string }): FieldIssue[] {
  return toFieldIssues([
    ["name", lineIssue(fields.name, 1, 100)],
    ["description", textIssue(fields.description, 0, 500)],
  ]);
}

/** A style of which some parts are changed, in the form in which it is stored. */
export function changeStyle(current: Style, change: Partial<Style> | undefined): Style {
  const given = Object.fromEntries(Object.entries(change ?? {}).filter(([, value]) => value !== undefined));
  const next = { ...current, ...given };
  return { ...next, foreground: next.foreground.toLowerCase(), background: next.background.toLowerCase() };
}

/** What is wrong with a text of one line. */
function lineIssue(text: string, min: number, max: number): string | undefined {
  return /[\t\n\r]/.test(text) ? "must be one line, without tabs" : textIssue(text, min, max);
}

/** Lengths count Unicode code points, as a person would count characters of most scripts. */
function textIssue(text: string, min: number, max: number): string | undefined {
  if (min > 0 && text.trim() === "") return "is required";
  if ([...text].length > max) return `must have at most ${max} characters`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) return "must not have control characters";
  if (!text.isWellFormed()) return "must be well-formed Unicode";
  return undefined;
}

function toFieldIssues(issues: [string, string | undefined][]): FieldIssue[] {
  return issues.flatMap(([field, issue]) => (issue === undefined ? [] : [{ field, issue }]));
}
