import { createHash } from "node:crypto";

/** Who makes a change, and from what network address. */
export interface Actor {
  name: string;
  address: string;
}

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

/** Returns the hash of an entry: SHA-256 over the previous hash and all fields, as a JSON array so that none can shift. */
export function chainHash(before: Buffer, record: AuditRecord): Buffer {
  const { sequence, atMs, actor, address, action, accountId, keyId, details } = record;
  const fields = JSON.stringify([sequence, atMs, actor, address, action, accountId, keyId, details]);
  return createHash("sha256").update(before).update(fields).digest();
}

/** How far a check of the chain has come. */
export interface ChainCheck {
  checked: number;
  hash: Buffer;
  fault?: { sequence: number; problem: string };
}

/**
 * Checks entries, in order of their sequence, that follow those already checked. A missing sequence number is an entry
 * that was removed; a hash that does not follow from the fields and the previous hash is one that was altered or added.
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

/** Compares the end of what was checked with the stored head; where only entries up to `until` were, with that. */
export function checkEnd(
  at: ChainCheck,
  head: { sequence: number; hash: Buffer },
  until = Number.MAX_SAFE_INTEGER,
): ChainCheck {
  if (at.fault) return at;
  if (at.checked < Math.min(head.sequence, until)) {
    return { ...at, fault: { sequence: at.checked + 1, problem: "was removed" } };
  }
  if (at.checked > head.sequence) return { ...at, fault: { sequence: head.sequence + 1, problem: "was added" } };
  if (at.checked === head.sequence && !at.hash.equals(head.hash)) {
    return { ...at, fault: { sequence: at.checked, problem: "was altered" } };
  }
  return at;
}
