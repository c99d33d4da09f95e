import type { PendingQuery, Row } from "postgres";
import { ServiceError } from "../../../platform/errors.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";

/*
 * A plan bounds the number of active codes. Each account has a row with that number, which is changed in the transaction that
 * changes its codes: the row is locked first and the codes after it, so that two changes of an account never deadlock.
 */

/** Returns CODE_LIMIT_REACHED that says where the account stands and what to do. */
export function codeLimitReached({ active, max }: { active: number; max: number }): ServiceError {
  const [has, allows] = [active, max].map((codes) => codes.toLocaleString("en"));
  const message = `The plan allows ${allows} active codes, and the account has ${has}. Archive codes that are not in use, or ask the operator for another plan.`;
  return new ServiceError("CODE_LIMIT_REACHED", message);
}

/** Returns an account's number of active codes. */
export async function activeCodes(on: Sql | Tx, accountId: string): Promise<number> {
  const [row] = await on<{ active: number }[]>`select active from qr.code_counts where account_id = ${accountId}`;
  return row?.active ?? 0;
}

/** Adds to an account's number of active codes, locks it until the transaction ends, and returns it. */
export async function addActiveCodes(tx: Tx, accountId: string, by: number): Promise<number> {
  const [row] = await tx<[{ active: number }]>`
    insert into qr.code_counts as c (account_id, active) values (${accountId}, ${by})
    on conflict (account_id) do update set active = c.active + excluded.active
    returning active`;
  return row.active;
}

export type CodeCountStore = ReturnType<typeof createCodeCountStore>;

/** Accounts whose codes one statement counts at most. */
const accountsMax = 20;

/**
 * Corrects numbers of active codes. They are exact as long as nobody else writes codes: a replica of a version that had no
 * numbers, which runs until an upgrade has ended, or an operator's statement.
 */
export function createCodeCountStore(sql: Sql) {
  const activeOf = (accountId: PendingQuery<Row[]>) =>
    sql`(select count(*) from qr.codes c where c.account_id = ${accountId} and c.status = 'active')`;

  /** Returns the accounts of a page with a wrong number, and where the page ends; every account with codes has projects. */
  async function findWrong(after: string) {
    // One snapshot: a transaction that changes codes changes the number as well.
    const page = await sql<{ accountId: string; isWrong: boolean }[]>`
      select account_id as "accountId", coalesce(n.active, 0) <> ${activeOf(sql`p.account_id`)} as "isWrong"
      from (
        select account_id from qr.projects where account_id > ${after}
        group by account_id order by account_id limit ${accountsMax}
      ) as p left join qr.code_counts n using (account_id) order by account_id`;
    const wrong = page.filter(({ isWrong }) => isWrong).map(({ accountId }) => accountId);
    return { wrong, last: page.length === accountsMax ? page.at(-1)?.accountId : undefined };
  }

  return cleanStore({
    /**
     * Counts the codes of the accounts after an id, some at a time, and corrects their numbers. Returns how many were wrong,
     * and after which id the next call goes on; undefined after the last account.
     */
    async correct(after: string): Promise<{ corrected: number; next: string | undefined }> {
      const { wrong, last } = await findWrong(after);
      for (const accountId of wrong) {
        await sql.begin(async (tx) => {
          // Locks the number, so that the next statement sees all codes that it counts.
          await addActiveCodes(tx, accountId, 0);
          await tx`
            update qr.code_counts set active = ${activeOf(sql`${accountId}`)} where account_id = ${accountId}`;
        });
      }
      return { corrected: wrong.length, next: last };
    },
  });
}
