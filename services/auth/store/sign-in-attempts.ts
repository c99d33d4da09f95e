import { deleteSome } from "../../../platform/postgres/delete-some.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";
import { windowMs } from "../domain/sign-in-limits.ts";

/** Days for which an address is known to an account after its last sign-in from there. */
const knownDays = 400;

export type SignInAttemptStore = ReturnType<typeof createSignInAttemptStore>;

/** Failed sign-ins, and the addresses from which sign-ins succeeded, in Postgres. Each method is one transaction. */
export function createSignInAttemptStore(sql: Sql) {
  return cleanStore({
    /** Returns whether the account was signed in to from this address before. */
    async isKnown(accountId: string, addressHash: Buffer): Promise<boolean> {
      const found = await sql`
        select 1 from auth.known_addresses where account_id = ${accountId} and address_hash = ${addressHash}`;
      return found.length > 0;
    },

    /** Adds to the failures counted under some subjects. Returns the new counts, in the order of the subjects. */
    async count(subjects: Buffer[], by: 1 | -1, nowMs: number): Promise<number[]> {
      const window = Math.floor(nowMs / windowMs);
      const hexes = subjects.map((subject) => subject.toString("hex"));
      const rows = await sql<{ hex: string; failures: number }[]>`
        insert into auth.sign_in_failures as f (subject, time_window, failures)
        select decode(hex, 'hex'), ${window}, greatest(${by}::integer, 0)
        from unnest(${[...hexes].sort()}::text[]) as h (hex)
        on conflict (subject, time_window) do update set failures = greatest(f.failures + ${by}::integer, 0)
        returning encode(subject, 'hex') as hex, failures`;
      const byHex = new Map(rows.map((row) => [row.hex, row.failures]));
      return hexes.map((hex) => byHex.get(hex) ?? 0);
    },

    /** Deletes some counts of windows that are over and some addresses not used for long. Returns whether there may be more. */
    async deleteExpired(): Promise<boolean> {
      // A day later than needed: the clock of the replica that counts may be behind the database's.
      const isPast = sql`time_window < floor(extract(epoch from now() - interval '1 day') * 1000 / ${windowMs}::float8)`;
      const isForgotten = sql`last_at < now() - ${knownDays} * interval '1 day'`;
      const more = [
        await deleteSome(sql, "auth.sign_in_failures", ["subject", "time_window"], isPast),
        await deleteSome(sql, "auth.known_addresses", ["account_id", "address_hash"], isForgotten),
      ];
      return more.includes(true);
    },
  });
}
