import { createHash } from "node:crypto";

/** What is stored of a key. */
export interface KeyTraces {
  /** SHA-256, 32 bytes. */
  hash: Buffer;
  /** The first 13 characters. */
  prefix: string;
  /** The last 4 characters. */
  last4: string;
}

/** Days after which rotating a key is suggested, and due. */
export const rotateSuggestDays = 60;
export const rotateAfterDays = 90;

/** Returns what is stored of a key. */
export function tracesOf(key: string): KeyTraces {
  return { hash: createHash("sha256").update(key).digest(), prefix: key.slice(0, 13), last4: key.slice(-4) };
}
