import { ServiceError } from "../../../platform/errors.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";
import { deleteInBatches } from "./scans.ts";

export type VisitorSaltStore = ReturnType<typeof createVisitorSaltStore>;

/** Each day's salt of visitors' hashes, in Postgres. */
export function createVisitorSaltStore(sql: Sql) {
  return cleanStore({
    /** Returns the salt of a day, which becomes `fresh` if there is none yet. */
    async ensure(date: string, fresh: Buffer): Promise<Buffer> {
      await sql`insert into qr.visitor_salts (day, salt) values (${date}, ${fresh}) on conflict do nothing`;
      const [row] = await sql<{ salt: Buffer }[]>`select salt from qr.visitor_salts where day = ${date}`;
      if (!row) throw new ServiceError("UNAVAILABLE", undefined, { retryAfterS: 1 });
      return row.salt;
    },

    /** Deletes the salts of days that are over, and the visitors that were told apart by them. */
    async deletePast(): Promise<void> {
      await sql`delete from qr.visitor_salts where day < (now() at time zone 'UTC')::date`;
      const isPast = sql`day < (now() at time zone 'UTC')::date`;
      await deleteInBatches(sql, "qr.scan_visitors", ["code_id", "day", "visitor"], isPast);
    },
  });
}
