import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { z } from "zod";

/** How many entries the audit trail had at an instant, and the hash of the last one. */
export interface AuditHead {
  /** ISO 8601. */
  time: string;
  count: number;
  /** In hex. */
  hash: string;
}

const signedHead = z.object({
  time: z.iso.datetime(),
  count: z.int().min(1),
  hash: z.hash("sha256"),
  key_id: z.string(),
  /** Ed25519, in base64. */
  signature: z.base64(),
});

/** A head with its signature; one is written as a line of JSON. */
export type SignedAuditHead = z.output<typeof signedHead>;

/** Returns the id of a key pair: the first 16 hex digits of the SHA-256 of its public key (SPKI, DER). */
export function signingKeyId(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const der = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex").slice(0, 16);
}

/** Returns what is signed: all fields, as a JSON array so that none can shift, after a name that nothing else is signed under. */
function signedBytes({ time, count, hash, key_id }: Omit<SignedAuditHead, "signature">): Buffer {
  return Buffer.from(JSON.stringify(["qrforge-audit-head", time, count, hash, key_id]));
}

/** Signs a head with an Ed25519 private key. */
export function signAuditHead({ time, count, hash }: AuditHead, key: KeyObject): SignedAuditHead {
  const head = { time, count, hash, key_id: signingKeyId(key) };
  return { ...head, signature: sign(null, signedBytes(head), key).toString("base64") };
}

/** Returns whether the owner of a public key signed a head. */
export function isSignedBy(head: SignedAuditHead, key: KeyObject): boolean {
  return verify(null, signedBytes(head), key, Buffer.from(head.signature, "base64"));
}

/** Returns the signed head of a line of JSON: the object itself, or the field `auditHead` of a log line; undefined if it is neither. */
export function parseAuditHead(line: string): SignedAuditHead | undefined {
  try {
    const value = JSON.parse(line);
    return signedHead.safeParse(value?.auditHead ?? value).data;
  } catch {
    return undefined;
  }
}
