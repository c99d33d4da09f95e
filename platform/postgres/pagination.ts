import { ServiceError } from "../errors.ts";

/** Cursor of a list sorted from new to old: the last row of a page. */
export interface Cursor {
  createdAt: Date;
  id: string;
}

/** A page of rows, and the cursor of the next page if there is one. */
export interface Page<Row> {
  rows: Row[];
  next: Cursor | undefined;
}

/** Returns the page of a query that asked for one row more than `size`. */
export function paginate<Row>(found: Row[], size: number, cursor: (row: Row) => Cursor): Page<Row> {
  const rows = found.slice(0, size);
  const last = rows.at(-1);
  return { rows, next: found.length > size && last !== undefined ? cursor(last) : undefined };
}

/** Returns the requested page size, or `fallback` for 0. Throws INVALID_REQUEST beyond `max`. */
export function pageSize(asked: number, { fallback, max }: { fallback: number; max: number }): number {
  if (asked === 0) return fallback;
  if (asked < 0 || asked > max) {
    const issue = `must be from 1 to ${max}`;
    throw new ServiceError("INVALID_REQUEST", `page_size ${issue}`, { fields: [{ field: "page_size", issue }] });
  }
  return asked;
}
