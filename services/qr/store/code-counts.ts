import { ServiceError } from "../../../platform/errors.ts";
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
