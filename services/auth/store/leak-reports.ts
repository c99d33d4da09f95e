import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";
import type { Actor } from "../domain/audit.ts";
import { toHexes } from "./key-log.ts";

export type LeakReportStore = ReturnType<typeof createLeakReportStore>;

/** Reports of leaked keys in Postgres, until they are handled. Each method is one transaction. */
export function createLeakReportStore(sql: Sql) {
  return cleanStore({
    /** Stores the hashes of keys that were reported as leaked. */
    async add(actor: Actor, hashes: Uint8Array[]): Promise<void> {
      await sql`
        insert into auth.leak_reports (key_hash, reporter, address)
        select distinct decode(hex, 'hex'), ${actor.name}, ${actor.address} from unnest(${toHexes(hashes)}::text[]) as h (hex)
        on conflict do nothing`;
    },

    /** Reads up to `max` reports: deletes those of keys that are unknown or dead, and returns those of active keys. */
    async take(max: number): Promise<{ keyId: string; reporter: string; address: string }[]> {
      return await sql`
        with looked as (
          select r.key_hash, k.key_id, r.reporter, r.address from auth.leak_reports r
          left join auth.keys k on k.key_hash = r.key_hash and k.status = 'active'
          order by r.key_hash limit ${max}
        ), dropped as (
          delete from auth.leak_reports r using looked l where r.key_hash = l.key_hash and l.key_id is null
        )
        select key_id as "keyId", reporter, address from looked where key_id is not null`;
    },
  });
}
