import { createHash } from "node:crypto";

/** What is recorded of one change. */
export interface AuditRecord {
  sequence: number;
  atMs: number;
  actor: string;
  address: string;
  action: string;
  accountId: string;
  keyId: string;
  /** JSON, never with a secret. */
  details: string;
}

export interface ChainedRecord extends AuditRecord {
  hash: Buffer;
}

/** The hash of an entry: SHA-256 over the hash before it and all its fields, as a JSON array so that none can shift. */
export function chainHash(before: Buffer, record: AuditRecord): Buffer {
  const { sequence, atMs, actor, address, action, accountId, keyId, details } = record;
  const fields = JSON.stringify([sequence, atMs, actor, address, action, accountId, keyId, details]);
  return createHash("sha256").update(before).update(fields).digest();
}

/** Where a check of the chain has come to. */
export interface ChainCheck {
  checked: number;
  hash: Buffer;
  fault?: { sequence: number; problem: string };
}

/**
 * Checks entries, in the order of their sequence, that follow what was checked before. A sequence that is missing was
 * removed; an entry whose hash is not the one that its fields and the hash before it make was altered, or added.
 */
export function checkChain(from: ChainCheck, entries: ChainedRecord[]): ChainCheck {
  let { checked, hash } = from;
  for (const entry of entries) {
    if (entry.sequence !== checked + 1) {
      return { checked, hash, fault: { sequence: checked + 1, problem: "was removed" } };
    }
    if (!chainHash(hash, entry).equals(entry.hash)) {
      return { checked, hash, fault: { sequence: entry.sequence, problem: "was altered or added" } };
    }
    checked = entry.sequence;
    hash = entry.hash;
  }
  return { checked, hash };
}

/** Compares the end of the chain with what the head says. */
export function checkEnd(at: ChainCheck, head: { sequence: number; hash: Buffer }): ChainCheck {
  if (at.fault) return at;
  if (at.checked < head.sequence) return { ...at, fault: { sequence: at.checked + 1, problem: "was removed" } };
  if (at.checked > head.sequence) return { ...at, fault: { sequence: head.sequence + 1, problem: "was added" } };
  if (!at.hash.equals(head.hash)) return { ...at, fault: { sequence: at.checked, problem: "was altered" } };
  return at;
}
