import type { LogEntries } from "../../../platform/lease/protocol.ts";
import { deletedRowsMax } from "../../../platform/postgres/delete-some.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";
import { siteKey } from "../../../platform/rate-limit-key.ts";
import type { Actor } from "../domain/audit.ts";
import { appendKeysToLog, toHexes } from "./key-log.ts";
import { revokeKeys } from "./keys.ts";
import type { Outbox } from "./outbox.ts";

export type LeakReportStore = ReturnType<typeof createLeakReportStore>;

/** Reports of leaked keys in Postgres, until they are handled. Each method is one transaction. */
export function createLeakReportStore(sql: Sql, outbox: Outbox) {
  return cleanStore({
    /** Looks up the hashes of keys that were reported as leaked, and stores those of active keys. The others cost nothing more. */
    async add(actor: Actor, hashes: Uint8Array[]): Promise<void> {
      await sql`
        insert into auth.leak_reports (key_hash, reporter, address, network)
        select key_hash, ${actor.name}, ${actor.address}, ${siteKey(actor.address)} from auth.keys
        where status = 'active' and key_hash in (
          select decode(hex, 'hex') from unnest(${toHexes(hashes)}::text[]) as h (hex))
        on conflict do nothing`;
    },

    /**
     * Revokes up to `max` reported keys, one of each reporter before a second one of any, deletes their reports, and adds
     * mails to their owners. Returns the ids of the revoked keys, and what to propagate.
     */
    async revoke(max: number): Promise<{ keyIds: string[]; entries: LogEntries } | undefined> {
      return await sql.begin(async (tx) => {
        const reports = await tx<{ keyId: string; keyHash: Buffer; reporter: string; address: string }[]>`
          select key_id as "keyId", key_hash as "keyHash", reporter, address from (
            select r.*, k.key_id, row_number() over (partition by r.network order by r.reported_at, r.key_hash) as turn
            from auth.leak_reports r join auth.keys k on k.key_hash = r.key_hash and k.status = 'active'
          ) as active order by turn, reported_at limit ${max}`;
        if (reports.length === 0) return undefined;
        const actors = new Map(
          reports.map(({ keyId, reporter, address }) => [
            keyId,
            { name: `leak-report:${reporter}`.slice(0, 100), address },
          ]),
        );
        const revoked = await revokeKeys(tx, actors);
        await tx`
          delete from auth.leak_reports where key_hash in (
            select decode(hex, 'hex') from unnest(${toHexes(reports.map(({ keyHash }) => keyHash))}::text[]) as h (hex))`;
        const keyHashes = revoked.map(({ keyHash }) => keyHash);
        const entries = await appendKeysToLog(tx, keyHashes);
        await outbox.addAboutKeys(tx, "keys-leaked", revoked);
        return { keyIds: revoked.map(({ keyId }) => keyId), entries };
      });
    },

    /** Deletes some reports of keys that have ended meanwhile, or are unknown. Returns whether there may be more. */
    async deleteSettled(): Promise<boolean> {
      const { count } = await sql`
        delete from auth.leak_reports where key_hash in (
          select r.key_hash from auth.leak_reports r
          where not exists (select 1 from auth.keys k where k.key_hash = r.key_hash and k.status = 'active')
          limit ${deletedRowsMax})`;
      return count === deletedRowsMax;
    },
  });
}
