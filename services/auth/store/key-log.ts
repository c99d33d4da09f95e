import { appendToLog } from "../../../platform/lease/log-store.ts";
import type { Tx } from "../../../platform/postgres/pool.ts";

/** Appends keys to the log of changes, by their hashes, so that every edge forgets what it knows of them. */
export function appendKeysToLog(tx: Tx, keyHashes: Buffer[]) {
  return appendToLog(tx, "auth", toHexes(keyHashes));
}

/** Returns hashes as hex text: arrays of bytea are not among the driver's types. */
export function toHexes(hashes: Uint8Array[]): string[] {
  return hashes.map((hash) => Buffer.from(hash).toString("hex"));
}
