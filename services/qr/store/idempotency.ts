import { ServiceError } from "../../../platform/errors.ts";
import { deleteSome } from "../../../platform/postgres/delete-some.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Answered, Once } from "../domain/idempotency.ts";

/** Hours for which an answer to a request with an idempotency key is stored. */
const storedHours = 24;

export type IdempotencyStore = ReturnType<typeof createIdempotencyStore>;

/** Answers to requests with an idempotency key, in Postgres. */
export function createIdempotencyStore(sql: Sql) {
  return cleanStore({
    /** Returns what was answered to a request before. Throws IDEMPOTENCY_CONFLICT if the key was used for another. */
    findAnswer: (once: Once): Promise<Uint8Array | undefined> => findAnswer(sql, once),

    /**
     * Returns whether a request was answered before, or still runs. Throws IDEMPOTENCY_CONFLICT if the key was used for another
     * request.
     */
    async isKnown(once: Once): Promise<boolean> {
      // In this order: what stops running between the two has been answered. Takes no lock, which would look like a first request.
      return (await isLocked(sql, once)) || (await findAnswer(sql, once)) !== undefined;
    },

    /** Deletes answers that are older than clients may rely on. Returns whether there may be more. */
    async deleteExpired(): Promise<boolean> {
      const isOld = sql`created_at < now() - ${storedHours} * interval '1 hour'`;
      return await deleteSome(sql, "qr.idempotency_keys", ["account_id", "key"], isOld);
    },
  });
}

/**
 * Runs `work` unless its request was handled before, and returns its answer or the earlier one. The answer is stored in the
 * transaction of the work. Throws IDEMPOTENCY_CONFLICT if the key was used for another request, and IDEMPOTENCY_IN_PROGRESS while
 * its first request still runs.
 */
export async function doOnce(
  sql: Sql,
  once: Once | undefined,
  work: (on: Sql | Tx) => Promise<Uint8Array>,
): Promise<Answered> {
  if (!once) return { answer: await work(sql), replayed: false };
  return await sql.begin(async (tx) => {
    const known = await claimKey(tx, once);
    if (known) return { answer: known, replayed: true };
    const answer = await work(tx);
    await tx`
      insert into qr.idempotency_keys (account_id, key, request_hash, answer)
      values (${once.accountId}, ${once.key}, ${Buffer.from(once.requestHash)}, ${Buffer.from(answer)})
      on conflict (account_id, key) do update set
        request_hash = excluded.request_hash, answer = excluded.answer, created_at = now()`;
    return { answer, replayed: false };
  });
}

/** Returns what was answered under a key before; undefined if nothing was, and then this transaction holds the key. */
async function claimKey(tx: Tx, once: Once): Promise<Uint8Array | undefined> {
  const isFree = await tryLock(tx, once);
  const known = await findAnswer(tx, once);
  if (known || isFree) return known;
  throw inProgress();
}

const inProgress = () => new ServiceError("IDEMPOTENCY_IN_PROGRESS", undefined, { retryAfterS: 1 });

/** Locks a key until the end of the transaction; returns false if another transaction holds it. */
async function tryLock(tx: Tx, once: Once): Promise<boolean> {
  const [claim] = await tx<[{ isFree: boolean }]>`
    select pg_try_advisory_xact_lock(hashtextextended(${lockName(once)}, 0)) as "isFree"`;
  return claim.isFree;
}

/** Returns whether a transaction holds the lock of a key. */
async function isLocked(sql: Sql, once: Once): Promise<boolean> {
  const [lock] = await sql<[{ isHeld: boolean }]>`
    select exists (
      select from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
        and database = (select oid from pg_database where datname = current_database())
        and (classid::bigint << 32 | objid::bigint) = hashtextextended(${lockName(once)}, 0)) as "isHeld"`;
  return lock.isHeld;
}

const lockName = ({ accountId, key }: Once) => `idempotency ${accountId} ${key}`;

/**
 * Returns what was answered to a request before. Throws IDEMPOTENCY_CONFLICT if its key was used for another, and
 * IDEMPOTENCY_IN_PROGRESS for one that may only be replayed if nothing was answered yet.
 */
async function findAnswer(
  on: Sql | Tx,
  { accountId, key, requestHash, replayOnly = false }: Once,
): Promise<Uint8Array | undefined> {
  const [known] = await on<{ requestHash: Buffer; answer: Buffer }[]>`
    select request_hash as "requestHash", answer from qr.idempotency_keys
    where account_id = ${accountId} and key = ${key} and created_at > now() - ${storedHours} * interval '1 hour'`;
  if (known && !known.requestHash.equals(requestHash)) throw new ServiceError("IDEMPOTENCY_CONFLICT");
  if (!known && replayOnly) throw inProgress();
  return known?.answer;
}
