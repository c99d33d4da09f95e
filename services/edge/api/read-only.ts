import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { throwIfFieldIssues } from "../../../platform/errors.ts";

/** Fields of a resource that clients read and cannot set. A change may repeat them, so that what was read can be sent back. */
export interface ReadOnlyFields<Name extends string> {
  /** Schemas of the fields in the body of a change, any value of which is taken. */
  shape: Record<Name, z.ZodOptional<z.ZodUnknown>>;
  /**
   * Throws INVALID_PAYLOAD that names each field of a change that differs from the resource's. Fields that change by
   * themselves are not compared. `read` is called only if there is something to compare.
   */
  requireUnchanged(change: Record<string, unknown>, read: () => Promise<Record<string, unknown>>): Promise<void>;
}

/** Creates the read-only fields of a resource: `fixed` never change, `moving` change by themselves. */
export function readOnlyFields<Fixed extends string, Moving extends string>(
  fixed: readonly Fixed[],
  moving: readonly Moving[],
): ReadOnlyFields<Fixed | Moving> {
  const schemaOf = (description: string) => z.unknown().optional().meta({ readOnly: true, description });
  const shape = Object.fromEntries([
    ...fixed.map((name) => [name, schemaOf("Read-only: left out, or as it was read")]),
    ...moving.map((name) => [name, schemaOf("Read-only: not looked at")]),
  ]);
  return {
    shape,
    async requireUnchanged(change, read) {
      const given = fixed.filter((name) => change[name] !== undefined);
      if (given.length === 0) return;
      const current = await read();
      const changed = given.filter((name) => !isSame(change[name], current[name]));
      throwIfFieldIssues(
        changed.map((field) => ({ field, issue: "cannot be changed: leave it out, or as it was read" })),
      );
    },
  };
}

const timePattern = /^\d{4}-\d{2}-\d{2}T.*(?:Z|[+-]\d{2}:\d{2})$/;

/** Returns whether two values of a field are the same. Times may be spelled in different ways. */
function isSame(given: unknown, current: unknown): boolean {
  const isTime = (value: unknown): value is string => typeof value === "string" && timePattern.test(value);
  if (isTime(given) && isTime(current)) return Date.parse(given) === Date.parse(current);
  return isDeepStrictEqual(given, current);
}
