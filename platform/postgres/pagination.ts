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

/** Returns a cursor as an opaque token; empty for undefined. */
export function encodePageToken(cursor: Cursor | undefined): string {
  if (!cursor) return "";
  return Buffer.from(`${cursor.createdAt.getTime().toString(36)}.${cursor.id}`).toString("base64url");
}

/** Returns the cursor of a token of `encodePageToken`; undefined for an empty token. Throws INVALID_REQUEST. */
export function decodePageToken(token: string): Cursor | undefined {
  if (token === "") return undefined;
  const decoded = Buffer.from(token, "base64url").toString("latin1");
  const [, time = "", id] = /^([0-9a-z]{1,11})\.([0-9A-Za-z]{1,40})$/.exec(decoded) ?? [];
  const createdAt = new Date(Number.parseInt(time, 36));
  const isSane = createdAt.getTime() >= Date.UTC(2000) && createdAt.getTime() < Date.UTC(2100);
  if (id === undefined || !isSane) {
    const issue = "must be the next_cursor of an earlier page";
    throw new ServiceError("INVALID_REQUEST", `cursor ${issue}`, { fields: [{ field: "cursor", issue }] });
  }
  return { createdAt, id };
}

/** Returns the requested page size, or `fallback` for 0. Throws INVALID_REQUEST beyond `max`. */
export function pageSize(asked: number, { fallback, max }: { fallback: number; max: number }): number {
  if (asked === 0) return fallback;
  if (asked < 0 || asked > max) {
    const issue = `must be from 1 to ${max}`;
    throw new ServiceError("INVALID_REQUEST", `limit ${issue}`, { fields: [{ field: "limit", issue }] });
  }
  return asked;
}
