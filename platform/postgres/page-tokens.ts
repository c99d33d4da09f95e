import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ServiceError } from "../errors.ts";
import type { Clock } from "../process/clock.ts";
import type { Cursor } from "./pagination.ts";
import type { Sql } from "./pool.ts";

/** Names a list with all that decides which rows it has and in which order: its kind, account, filters. */
export type ListName = readonly (string | number | boolean | undefined)[];

/** Signs cursors, so that a token works only for the list that it came from. */
export interface PageTokens {
  /** Returns a cursor as a token; empty for undefined. */
  encode(list: ListName, cursor: Cursor | undefined): Promise<string>;
  /** Returns the cursor of a token of this list; undefined for an empty token. Throws INVALID_REQUEST. */
  decode(list: ListName, token: string): Promise<Cursor | undefined>;
}

interface Secrets {
  current: Buffer;
  previous: Buffer;
}

const secretBytes = 32;
const macBytes = 16;
/** Age at which the current secret becomes the previous one: a token is good for 30 to 60 days. */
const rotationDays = 30;
/** Age at which a process reads the secrets again, and the age at which it does so for a token that fits neither, in ms. */
const readAgainMs = 60_000;
const readAgainForTokenMs = 1_000;

/**
 * Creates the page tokens of a schema, whose table `page_token_secrets` has one row with the current secret and the previous
 * one. All replicas share it. Reading it also makes it, and rotates it when its time has come.
 */
export function createPageTokens(sql: Sql, schema: string, clock: Pick<Clock, "monotonic">): PageTokens {
  let held: { secrets: Promise<Secrets>; readAtMs: number } | undefined;

  function read(ageMaxMs: number): Promise<Secrets> {
    const nowMs = clock.monotonic();
    if (!held || nowMs - held.readAtMs >= ageMaxMs) {
      const reading = { secrets: readSecrets(sql, schema), readAtMs: nowMs };
      held = reading;
      reading.secrets.catch(() => {
        if (held === reading) held = undefined;
      });
    }
    return held.secrets;
  }

  return {
    async encode(list, cursor) {
      if (!cursor) return "";
      const payload = `${cursor.createdAt.getTime().toString(36)}.${cursor.id}`;
      const { current } = await read(readAgainMs);
      return Buffer.concat([sign(current, list, payload), Buffer.from(payload, "latin1")]).toString("base64url");
    },
    async decode(list, token) {
      if (token === "") return undefined;
      const bytes = Buffer.from(token, "base64url");
      const mac = bytes.subarray(0, macBytes);
      const payload = bytes.subarray(macBytes).toString("latin1");
      // Node skips what is not base64url: the same bytes must not have several tokens.
      const isWhole = bytes.toString("base64url") === token;
      const cursor = isWhole && bytes.length > macBytes && bytes.length < 100 ? readCursor(payload) : undefined;
      if (!cursor) throw invalidToken();
      const fits = ({ current, previous }: Secrets) =>
        [current, previous].some((secret) => timingSafeEqual(sign(secret, list, payload), mac));
      // Another replica may have rotated the secret a moment ago.
      if (fits(await read(readAgainMs)) || fits(await read(readAgainForTokenMs))) return cursor;
      throw invalidToken();
    },
  };
}

async function readSecrets(sql: Sql, schema: string): Promise<Secrets> {
  const table = sql(`${schema}.page_token_secrets`);
  const fresh = () => randomBytes(secretBytes);
  await sql`
    insert into ${table} (current, previous) values (${fresh()}, ${fresh()}) on conflict (only_row) do nothing`;
  await sql`
    update ${table} set previous = current, current = ${fresh()}, rotated_at = now()
    where rotated_at < now() - make_interval(days => ${rotationDays})`;
  const [row] = await sql<Secrets[]>`select current, previous from ${table}`;
  if (!row) throw new ServiceError("UNAVAILABLE", undefined, { retryAfterS: 1 });
  return row;
}

function sign(secret: Buffer, list: ListName, payload: string): Buffer {
  const named = JSON.stringify([...list.map((part) => part ?? null), payload]);
  return createHmac("sha256", secret).update(named).digest().subarray(0, macBytes);
}

function readCursor(payload: string): Cursor | undefined {
  const [, time = "", id] = /^([0-9a-z]{1,11})\.([0-9A-Za-z]{1,40})$/.exec(payload) ?? [];
  const createdAt = new Date(Number.parseInt(time, 36));
  const isSane = createdAt.getTime() >= Date.UTC(2000) && createdAt.getTime() < Date.UTC(2100);
  return id !== undefined && isSane ? { createdAt, id } : undefined;
}

function invalidToken(): ServiceError {
  const field = "next_page_token";
  const issue = "must be the next_page_token of an earlier page of the same list, with the same filters";
  return new ServiceError("INVALID_REQUEST", `${field} ${issue}`, { fields: [{ field, issue }] });
}
