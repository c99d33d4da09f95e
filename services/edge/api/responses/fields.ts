/** Fields that the responses of several resources share. */
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { z } from "zod";
import { resourceIdPattern } from "../../../../contracts/resource-id.ts";

export const id = z.string().meta({ description: "20 characters of [0-9A-Za-z]", pattern: resourceIdPattern.source });
export const time = z.string().meta({ description: "RFC 3339, UTC, with milliseconds", format: "date-time" });
export const count = z.int().min(0);

/** Names that the examples of the reference share. */
export const examples = {
  id: "0Nq8ZcT4vWb7KxYp2LmR",
  projectId: "0Nq8Z1a9GhUe5DsJf3Cw",
  time: "2026-01-31T12:00:00.000Z",
};

/** Returns the example of a schema, if it has one. */
export function exampleOf(schema: z.ZodType): unknown {
  const { examples } = schema.meta() ?? {};
  return Array.isArray(examples) ? examples[0] : undefined;
}

/** Returns a timestamp as RFC 3339, UTC, with milliseconds; null if it is unset. */
export function toTimeOrNull(timestamp: Timestamp | undefined): string | null {
  return timestamp ? timestampDate(timestamp).toISOString() : null;
}

/** Returns a required timestamp of a message. Throws if it is missing. */
export function toTime(timestamp: Timestamp | undefined): string {
  return timestampDate(required(timestamp, "a time")).toISOString();
}

/** Returns a required field of a message. Throws if it is missing, which is a bug of the service. */
export function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`a service answered without ${what}`);
  return value;
}

/** Returns the public API's word for an enum number of the services' contract. Throws if there is none. */
export function wordOf<W extends string>(words: readonly W[], numbers: Record<W, number>, value: number): W {
  const word = words.find((one) => numbers[one] === value);
  return required(word, `a known value: ${value} is none of ${words.join(", ")}`);
}
