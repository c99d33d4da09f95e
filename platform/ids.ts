import { randomBytes } from "node:crypto";
import { resourceIdLength } from "../contracts/resource-id.ts";

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const base36 = base62.slice(0, 10) + base62.slice(36);

/**
 * Returns random characters of an alphabet. Discards bytes above the largest multiple of its size, so each character is
 * equally likely.
 */
function randomText(alphabet: string, length: number): string {
  const limit = 256 - (256 % alphabet.length);
  let result = "";
  while (result.length < length) {
    for (const byte of randomBytes(length * 2)) {
      if (byte < limit && result.length < length) result += alphabet[byte % alphabet.length];
    }
  }
  return result;
}

/** Returns random characters of [0-9A-Za-z] from a CSPRNG, each equally likely. */
export function randomBase62(length: number): string {
  return randomText(base62, length);
}

/** Returns random characters of [0-9a-z] from a CSPRNG, each equally likely. */
export function randomBase36(length: number): string {
  return randomText(base36, length);
}

/** Returns a secret of 256 random bits as 43 characters of base64url, for a cookie or a link. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/** Returns a new resource id: 20 characters of [0-9A-Za-z], 119 bits. */
export function newId(): string {
  return randomBase62(resourceIdLength);
}
