import { z } from "zod";
import type { FieldIssue } from "../../../contracts/field-issue.ts";
import { limits } from "../../../contracts/limits.ts";
import { plainStyle } from "../../../contracts/plain-style.ts";
import { redirectUrlStart, redirectUrlStartIssue } from "../../../contracts/redirect-url.ts";
import { resourceIdPattern } from "../../../contracts/resource-id.ts";
import { slugFormIssue, slugPattern } from "../../../contracts/slug.ts";
import { eccFallback, marginBounds, sizeBounds } from "../../../contracts/symbol-bounds.ts";
import { lengthOf, lineIssue, textIssue } from "../../../contracts/text.ts";
import { QrCodeStatus } from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { omitUndefined } from "../../../platform/omit-undefined.ts";
import { scanDimension, scanInterval } from "./responses/scans.ts";
import { finderShape, finderShapeNumbers, moduleShape, moduleShapeNumbers } from "./responses/style.ts";

/** Returns the schema of a JSON object with these fields and no others. */
export function bodyOf<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape, { error: "must be a JSON object" });
}

/** Returns the schema of a query with these parameters and no others, each at most once. */
export const queryOf = bodyOf;

export const noParams = z.object({});
export const noQuery = queryOf({});
/** Schema of the body of an operation without a body. */
export const noBody = z.undefined();
/** An id, or a slug in any letter case. */
export const idParams = z.object({
  id: z.string().transform((name) => (resourceIdPattern.test(name) ? name : name.toLowerCase())),
});
export const projectId = z.string().min(1).meta({ description: "Id of a project of the account" });
const pageSizes = { default: 50, max: 100 };

/** Returns a requested page size; the default for what is no number of 1 to 100, as published. */
function readPageSize(text: string): number {
  const size = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return size >= 1 && size <= pageSizes.max ? size : pageSizes.default;
}

export const listQuery = {
  page_size: z
    .string()
    .default("")
    .transform(readPageSize)
    .meta({
      parameter: {
        type: "string",
        default: String(pageSizes.default),
        description: `Number of items, 1 to ${pageSizes.max}; ${pageSizes.default} if left out or not such a number`,
      },
    }),
  next_page_token: z
    .string()
    .meta({ description: "Token of the page, from the answer before; left out for the first page" })
    .optional(),
};

/**
 * These schemas express as many rules of a field as possible, so that one response names every invalid field; the service
 * behind makes the final check.
 */
const text = z.string().refine((value) => value.isWellFormed(), "must be well-formed Unicode");

/** Returns the schema of text of at most `max` characters, which is read in NFC. */
export function textOf(max: number) {
  return withoutIssue((value) => textIssue(value, 0, max)).meta({ maxLength: max });
}

/** Returns the schema of a line of 1 to `max` characters, something of it visible, which is read in NFC. */
export function nameOf(max: number) {
  return withoutIssue((value) => lineIssue(value, 1, max)).meta({ minLength: 1, maxLength: max });
}

function withoutIssue(issueOf: (value: string) => string | undefined) {
  const error = ({ input }: { input: unknown }) => issueOf(String(input)) ?? "";
  return text.normalize().refine((value) => issueOf(value) === undefined, { error });
}

export const redirectUrl = text
  .refine(
    (value) => lengthOf(value) <= limits.redirectUrlLengthMax,
    `must have at most ${limits.redirectUrlLengthMax} characters`,
  )
  .regex(redirectUrlStart, redirectUrlStartIssue)
  .meta({
    maxLength: limits.redirectUrlLengthMax,
    description:
      "Where scans are redirected: an absolute http or https URL by the WHATWG's rules, without user name and password, of at most " +
      `${limits.redirectUrlLengthMax} characters and ${limits.locationBytesMax} bytes when percent-encoded`,
  });
export const slug = text.regex(slugPattern, slugFormIssue).meta({ description: "The path of the short URL" });

const colour = text.regex(/^#[0-9a-fA-F]{6}$/, "must be a colour like #1a2b3c");
const pictureUrl = /^data:image\/(?:png|jpe?g|svg\+xml)(?:;charset=[\w-]+)?;base64,([A-Za-z0-9+/]+={0,2})$/i;

/** Returns the content of a data URL, in base64 that may be wrapped into lines; undefined if it is none of a picture. */
function pictureOf(logo: string): string | undefined {
  return logo.startsWith("data:") ? pictureUrl.exec(logo.replaceAll(/\s/g, ""))?.[1] : undefined;
}

/** Returns the schema of a new logo, which reads it to its content. */
export const newLogo = text
  .refine((value) => pictureOf(value) !== undefined, "must be a PNG, JPEG or SVG as data:image/...;base64,...")
  .transform((value) => Buffer.from(pictureOf(value) ?? "", "base64"))
  .meta({ description: "A PNG, JPEG or SVG as `data:image/...;base64,...`" });

const logo = text.refine(
  (value) => /^[0-9a-f]{32}$/.test(value) || pictureOf(value) !== undefined,
  "must be a PNG, JPEG or SVG as data:image/...;base64,..., or the id of a logo of this account, or null",
);
const { logoSizePercentMin, logoSizePercentMax } = limits;
const logoSize = z
  .int(`must be a whole number from ${logoSizePercentMin} to ${logoSizePercentMax}`)
  .min(logoSizePercentMin)
  .max(logoSizePercentMax);
/** A style; in each of its fields, and instead of it, null stands for the default. */
export const style = z
  .strictObject({
    foreground: described(colour, "Colour of the modules, as #rrggbb", plainStyle.foreground),
    background: described(colour, "Colour behind the modules, as #rrggbb", plainStyle.background),
    module_shape: described(moduleShape, "Shape of the modules", plainStyle.moduleShape),
    finder_shape: described(finderShape, "Shape of the three finder patterns", plainStyle.finderShape),
    logo: described(
      logo,
      "Logo in the middle: a PNG, JPEG or SVG as `data:image/...;base64,...`, or the id of a logo of the account",
      "no logo",
    ),
    logo_size: described(
      logoSize,
      "The logo's longer side, in percent of the symbol's without its margin",
      plainStyle.logoSize,
    ),
    caption: described(textOf(limits.captionLengthMax), "Text in a frame below the symbol", "no caption"),
  })
  .meta({ id: "StyleChange", description: "How the symbol is to look; null stands for the default of a field" })
  .nullish()
  .meta({ description: "How the symbol is to look; in a change, what is left out stays. null for all defaults" });

/** Returns the schema of a field that may be left out or cleared, with its unit and what it then gets. */
function described<S extends z.ZodType>(schema: S, description: string, byDefault: string | number) {
  return schema.nullish().meta({ description: `${description}. Default: ${byDefault}` });
}

const allDefaults = {
  foreground: null,
  background: null,
  module_shape: null,
  finder_shape: null,
  logo: null,
  logo_size: null,
  caption: null,
};

/** Converts a validated style to the services' message; undefined if none is given. */
export function readStyle(sent: z.output<typeof style>) {
  if (sent === undefined) return undefined;
  const given = sent ?? allDefaults;
  const picture = pictureOf(given.logo ?? "");
  return omitUndefined({
    foreground: orDefault(given.foreground, plainStyle.foreground),
    background: orDefault(given.background, plainStyle.background),
    moduleShape: numberFor(moduleShapeNumbers, orDefault(given.module_shape, plainStyle.moduleShape)),
    finderShape: numberFor(finderShapeNumbers, orDefault(given.finder_shape, plainStyle.finderShape)),
    logo: picture ? Buffer.from(picture, "base64") : undefined,
    logoId: picture ? undefined : orDefault(given.logo, plainStyle.logoId),
    logoSize: orDefault(given.logo_size, plainStyle.logoSize),
    caption: orDefault(given.caption, plainStyle.caption),
  });
}

/** Returns the default for a field that is cleared. */
function orDefault<T, D>(given: T | null | undefined, byDefault: D): T | D | undefined {
  return given === null ? byDefault : given;
}

function numberFor<W extends string, N>(numbers: Record<W, N>, word: W | undefined): N | undefined {
  return word && numbers[word];
}

/** Returns the schema of an integer in a query, within bounds. */
function numberOf({ min, max, fallback }: { min: number; max: number; fallback: number }, description: string) {
  const rule = `must be a whole number from ${min} to ${max}`;
  const inBounds = (value: number) => value >= min && value <= max;
  const parameter = { type: "integer", minimum: min, maximum: max, default: fallback, description };
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .refine(inBounds, rule)
    .meta({ parameter });
}

export const imageQuery = queryOf({
  format: z
    .enum(["svg", "png", "pdf"])
    .meta({ description: "Format of the picture; by `Accept` if left out, SVG where that says nothing" })
    .optional(),
  size: numberOf(sizeBounds, "Longer side of the picture, in pixels; for SVG and PDF, its nominal size").optional(),
  margin: numberOf(marginBounds, "Quiet zone around the symbol, in modules").optional(),
  ecc: z
    .enum(["L", "M", "Q", "H"])
    .meta({ description: `Error correction, from low (about 7 %) to high (about 30 %); ${eccFallback} if left out` })
    .optional(),
});

const timeRule = "must be a time like 2026-01-31T12:00:00Z or a day like 2026-01-31, from 2000 to 2099";
const timePattern = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Converts an RFC 3339 time to ms since the Unix epoch. A day becomes its start, or its end at the end of a range. */
function timeOf(edge: "start" | "end", description: string) {
  return z
    .string()
    .refine((value) => !Number.isNaN(readTime(value, edge)), timeRule)
    .transform((value) => readTime(value, edge))
    .meta({ parameter: { type: "string", description: `${description}; ${timeRule.replace("must be ", "")}` } });
}

function readTime(value: string, edge: "start" | "end"): number {
  const [, day = "", time] = timePattern.exec(value) ?? [];
  const startMs = Date.parse(day);
  // Date converts 30 February to 2 March.
  const isDay = !Number.isNaN(startMs) && new Date(startMs).toISOString().startsWith(day);
  const ms = time ? Date.parse(value) : edge === "start" ? startMs : startMs + 86_400_000;
  return isDay && ms >= Date.UTC(2000) && ms <= Date.UTC(2100) ? ms : Number.NaN;
}

export const scansQuery = queryOf({
  from: timeOf("start", "Start of the range; 30 days before its end if left out").optional(),
  to: timeOf("end", "End of the range; now if left out").optional(),
  interval: scanInterval.default("day"),
  by: scanDimension.optional(),
});

export const statusNumbers = {
  active: QrCodeStatus.ACTIVE,
  archived: QrCodeStatus.ARCHIVED,
  all: QrCodeStatus.UNSPECIFIED,
};

/** Returns the errors of a value, each with the dotted path of its field. */
export function issuesOf(error: z.ZodError): FieldIssue[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ field: [...path, key].join("."), issue: "is not known here" }));
    }
    return [{ field: path.join("."), issue: describe(issue) }];
  });
}

const typeNames: Record<string, string> = { object: "an object", array: "an array", int: "a whole number" };

function describe(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is required";
      return `must be ${typeNames[issue.expected] ?? `a ${issue.expected}`}`;
    case "invalid_value":
      return `must be one of ${issue.values.join(", ")}`;
    case "too_big":
      return issue.origin === "string" ? `must have at most ${issue.maximum} characters` : rangeIssue(issue);
    case "too_small":
      return issue.origin === "string" ? "must not be empty" : rangeIssue(issue);
    default:
      return issue.message;
  }
}

function rangeIssue(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): string {
  if (issue.origin === "array") return issue.message;
  return issue.code === "too_big" ? `must be at most ${issue.maximum}` : `must be at least ${issue.minimum}`;
}
