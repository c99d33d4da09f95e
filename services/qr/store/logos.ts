import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";
import type { Logo } from "../symbols/style.ts";

/** Bytes of logos that one account may store. */
const logoBytesMax = 32 * 1_048_576;
/** Rows that one statement of `deleteUnused` deletes at most. */
const deletedRowsMax = 10_000;

export type LogoStore = ReturnType<typeof createLogoStore>;

/** Logos in Postgres. Each method is one transaction. */
export function createLogoStore(sql: Sql) {
  return cleanStore({
    /** Stores a logo. Returns false if the account has no room for it. */
    async put(accountId: string, logoId: string, { png, width, height }: Logo): Promise<boolean> {
      const stored = await sql`
        insert into qr.logos (account_id, logo_id, png, width, height)
        select ${accountId}, ${logoId}, ${Buffer.from(png)}::bytea, ${width}, ${height}
        where exists (select 1 from qr.logos where account_id = ${accountId} and logo_id = ${logoId})
          or (select coalesce(sum(octet_length(png)), 0) from qr.logos where account_id = ${accountId}) < ${logoBytesMax}
        on conflict (account_id, logo_id) do update set named_at = now()
        returning 1`;
      return stored.length > 0;
    },

    async get(accountId: string, logoId: string): Promise<Logo | undefined> {
      const [logo] = await sql<Logo[]>`
        select png, width, height from qr.logos where account_id = ${accountId} and logo_id = ${logoId}`;
      return logo;
    },

    /** Returns a logo and keeps it from being deleted for a day. */
    async touch(accountId: string, logoId: string): Promise<Logo | undefined> {
      const [logo] = await sql<Logo[]>`
        update qr.logos set named_at = now() where account_id = ${accountId} and logo_id = ${logoId}
        returning png, width, height`;
      return logo;
    },

    /** Deletes logos that no code has and that were not touched for a day. Returns whether there may be more. */
    async deleteUnused(): Promise<boolean> {
      const { count } = await sql`
        delete from qr.logos where (account_id, logo_id) in (
          select account_id, logo_id from qr.logos l
          where named_at < now() - interval '1 day' and not exists (
            select 1 from qr.codes c where c.account_id = l.account_id and c.logo_id = l.logo_id and c.logo_id <> '')
          limit ${deletedRowsMax} for update skip locked)`;
      return count === deletedRowsMax;
    },
  });
}
