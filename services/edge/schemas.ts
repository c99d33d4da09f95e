import { z } from "zod";
import { QrCodeStatus } from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import type { FieldIssue } from "../../platform/errors.ts";

/** A JSON object with these fields and no others. */
export function bodyOf<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape, { error: "must be a JSON object" });
}

/** Query parameters, each at most once, and no others. */
export const queryOf = bodyOf;

export const noParams = z.object({});
export const noQuery = queryOf({});
export const idParams = z.object({ id: z.string() });
export const projectId = z.string().min(1);
export const listQuery = {
  limit: z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number from 1 to 100")
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= 100, "must be a whole number from 1 to 100")
    .optional(),
  cursor: z.string().optional(),
};

/**
 * The schemas say as much of a field's rules as a schema can, so that one answer names every field at fault; the service
 * behind has the last word.
 */
const text = z.string().refine((value) => value.isWellFormed(), "must be well-formed Unicode");

/** Text of at most `max` characters, counted as Unicode code points. */
export function textOf(max: number) {
  return text.refine((value) => [...value].length <= max, `must have at most ${max} characters`);
}

/** Text of 1 to `max` characters that are not all white space. */
export function nameOf(max: number) {
  return textOf(max).refine((value) => value.trim() !== "", "is required");
}

export const redirectUrl = text
  .regex(/^https?:\/\//i, "must be an absolute URL that begins with http:// or https://")
  .max(2_048);

export const slugPattern = /^[0-9a-z][0-9a-z-]{1,62}[0-9a-z]$/;
export const slug = text.regex(
  slugPattern,
  "must have 3 to 64 characters of [0-9a-z-] and begin and end with a letter or digit",
);

const colour = text.regex(/^#[0-9a-f]{6}$/i, "must be a colour like #1a2b3c");
export const style = z.strictObject({ foreground: colour.optional(), background: colour.optional() });

export const statusNumbers = {
  active: QrCodeStatus.ACTIVE,
  archived: QrCodeStatus.ARCHIVED,
  all: QrCodeStatus.UNSPECIFIED,
};

/** What is wrong with a value, each fault under the dotted path of its field. */
export function issuesOf(error: z.ZodError): FieldIssue[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ field: [...path, key].join("."), issue: "is not known here" }));
    }
    return [{ field: path.join("."), issue: describe(issue) }];
  });
}

function describe(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is required";
      return `must be ${issue.expected === "object" ? "an object" : `a ${issue.expected}`}`;
    case "invalid_value":
      return `must be one of ${issue.values.join(", ")}`;
    case "too_big":
      return `must have at most ${issue.maximum} characters`;
    case "too_small":
      return "must not be empty";
    default:
      return issue.message;
  }
}
