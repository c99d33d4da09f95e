import { createHash } from "node:crypto";
import { checksumBase62 } from "../../../platform/ids.ts";

const keyPrefix = "api_live_";

/** The random part of a key: 26 characters of [0-9A-Za-z], 154 bits. */
export const randomPartLength = 26;

/** A key made of 26 random characters: the prefix, these, and 6 characters of checksum, so that typos show. */
export function formatKey(randomPart: string): string {
  return keyPrefix + randomPart + checksumBase62(randomPart);
}

/** What is kept of a key. */
export interface KeyTraces {
  /** SHA-256, 32 bytes. */
  hash: Buffer;
  /** The first 13 characters. */
  prefix: string;
  /** The last 4 characters. */
  last4: string;
}

export function tracesOf(key: string): KeyTraces {
  return { hash: createHash("sha256").update(key).digest(), prefix: key.slice(0, 13), last4: key.slice(-4) };
}
