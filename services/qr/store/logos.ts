import { deleteSome } from "../../../platform/postgres/delete-some.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import { type Cursor, type Page, paginate } from "../../../platform/postgres/pagination.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Answered, Once } from "../domain/idempotency.ts";
import type { Logo } from "../symbols/style.ts";
import { doOnce } from "./idempotency.ts";

/** Logos that one account may store, and their bytes. */
const logosMax = 1_000;
const logoBytesMax = 32 * 1_048_576;

/** A stored logo without its picture. */
export interface LogoRow {
  logoId: string;
  width: number;
  height: number;
  /** Size of its PNG, in bytes. */
  bytes: number;
  createdAt: Date;
}

export type LogoStore = ReturnType<typeof createLogoStore>;

/** Logos in Postgres. Each method is one transaction. */
export function createLogoStore(sql: Sql) {
  const columns = sql`logo_id as "logoId", width, height, octet_length(png) as bytes, created_at as "createdAt"`;

  /** Stores a logo; one that is there stays. Returns undefined if the account has no room for it. */
  async function insert(on: Sql | Tx, accountId: string, logoId: string, logo: Logo): Promise<LogoRow | undefined> {
    const { png, width, height } = logo;
    const [stored] = await on<LogoRow[]>`
      insert into qr.logos (account_id, logo_id, png, width, height)
      select ${accountId}, ${logoId}, ${Buffer.from(png)}::bytea, ${width}, ${height}
      where exists (select 1 from qr.logos where account_id = ${accountId} and logo_id = ${logoId})
        or (select count(*) < ${logosMax} and coalesce(sum(octet_length(png)), 0) < ${logoBytesMax}
          from qr.logos where account_id = ${accountId})
      on conflict (account_id, logo_id) do update set named_at = now()
      returning ${columns}`;
    return stored;
  }

  return cleanStore({
    /** Stores a logo. Returns false if the account has no room for it. */
    async put(accountId: string, logoId: string, logo: Logo): Promise<boolean> {
      return (await insert(sql, accountId, logoId, logo)) !== undefined;
    },

    /** Stores an uploaded logo, once if it has an idempotency key. Returns the serialized answer. */
    async create(
      accountId: string,
      logoId: string,
      logo: Logo,
      once: Once | undefined,
      toAnswer: (row: LogoRow | undefined) => Uint8Array,
    ): Promise<Answered> {
      return await doOnce(sql, once, async (on) => toAnswer(await insert(on, accountId, logoId, logo)));
    },

    /** Returns a page of an account's logos, newest first. */
    async list(accountId: string, size: number, after: Cursor | undefined): Promise<Page<LogoRow>> {
      const found = await sql<LogoRow[]>`
        select ${columns} from qr.logos where account_id = ${accountId}
          ${after ? sql`and (created_at, logo_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by created_at desc, logo_id desc limit ${size + 1}`;
      return paginate(found, size, (row) => ({ createdAt: row.createdAt, id: row.logoId }));
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
      const isUnused = sql`
        named_at < now() - interval '1 day' and not exists (
          select 1 from qr.codes c
          where c.account_id = logos.account_id and c.logo_id = logos.logo_id and c.logo_id <> '')`;
      return await deleteSome(sql, "qr.logos", ["account_id", "logo_id"], isUnused);
    },
  });
}
