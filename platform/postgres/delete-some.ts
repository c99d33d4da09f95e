import type { PendingQuery, Row } from "postgres";
import type { Sql } from "./pool.ts";

/** Maximum number of rows that one statement deletes, so that none takes long. */
export const deletedRowsMax = 10_000;

/**
 * Deletes up to `deletedRowsMax` rows of a table that meet a condition; `key` names the columns of its primary key. Leaves rows
 * that another replica is deleting to it. Returns whether there may be more.
 */
export async function deleteSome(
  sql: Sql,
  table: string,
  key: string[],
  condition: PendingQuery<Row[]>,
): Promise<boolean> {
  const { count } = await sql`
    delete from ${sql(table)} where (${sql(key)}) in (
      select ${sql(key)} from ${sql(table)} where ${condition} limit ${deletedRowsMax} for update skip locked)`;
  return count === deletedRowsMax;
}
