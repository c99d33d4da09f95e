import { createHash } from "node:crypto";
import { type FieldIssue, toFieldIssues } from "../../../contracts/field-issue.ts";
import { limits } from "../../../contracts/limits.ts";
import { type QrCodeText, qrCodeTextIssues } from "../../../contracts/qr-code.ts";
import type { ShortUrlCheck } from "../../../contracts/short-url.ts";
import { lineIssue, textIssue } from "../../../contracts/text.ts";
import type { Logo, Style } from "../symbols/style.ts";

/** The fields of a code that a caller may set; undefined leaves a field unchanged. */
export interface CodeFields extends QrCodeText {
  style?: Partial<Style> | undefined;
}

/** Returns everything that is wrong with the fields given. */
export function codeIssues(fields: CodeFields, isShortUrl: ShortUrlCheck): FieldIssue[] {
  return [...qrCodeTextIssues(fields, isShortUrl), ...styleIssues(fields.style ?? {})];
}

/** Returns everything that is wrong with the parts of a style that are given, before it is drawn. */
export function styleIssues(style: Partial<Style>): FieldIssue[] {
  const issues: [string, string | undefined][] = [];
  for (const part of ["foreground", "background"] as const) {
    const colour = style[part];
    if (colour && !/^#[0-9a-f]{6}$/i.test(colour)) issues.push([`style.${part}`, "must be a colour like #1a2b3c"]);
  }
  const { logoSize, caption, logoId } = style;
  if (logoSize !== undefined && (logoSize < limits.logoSizePercentMin || logoSize > limits.logoSizePercentMax)) {
    issues.push([
      "style.logo_size",
      `must be from ${limits.logoSizePercentMin} to ${limits.logoSizePercentMax} percent`,
    ]);
  }
  if (logoId && !logoIdPattern.test(logoId)) issues.push(["style.logo", "must be a picture or the id of one"]);
  if (caption) issues.push(["style.caption", lineIssue(caption, 1, limits.captionLengthMax)]);
  return toFieldIssues(issues);
}

const logoIdPattern = /^[0-9a-f]{32}$/;

/** Returns everything that is wrong with the fields of a project that are given. */
export function projectIssues({ name, description }: { name?: string; description?: string }): FieldIssue[] {
  return toFieldIssues([
    ["name", name === undefined ? undefined : lineIssue(name, 1, limits.projectNameLengthMax)],
    [
      "description",
      description === undefined ? undefined : textIssue(description, 0, limits.projectDescriptionLengthMax),
    ],
  ]);
}

/** Returns a style with some parts changed, in the form in which it is stored. */
export function changeStyle(current: Style, change: Partial<Style> | undefined): Style {
  const given = Object.fromEntries(Object.entries(change ?? {}).filter(([, value]) => value !== undefined));
  const next = { ...current, ...given };
  const { foreground, background, caption } = next;
  return {
    ...next,
    foreground: foreground.toLowerCase(),
    background: background.toLowerCase(),
    caption: caption.normalize("NFC"),
  };
}

/** Returns the style alone of an object that has more properties. */
export function toStyle(from: Style): Style {
  const { foreground, background, moduleShape, finderShape, logoId, logoSize, caption } = from;
  return { foreground, background, moduleShape, finderShape, logoId, logoSize, caption };
}

/** Returns the id of a logo: the beginning of the SHA-256 of its picture. */
export function logoIdOf({ png }: Logo): string {
  return createHash("sha256").update(png).digest("hex").slice(0, 32);
}
