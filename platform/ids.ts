import { randomBytes } from "node:crypto";
import { resourceIdLength } from "../contracts/resource-id.ts";
import { systemClock } from "./process/clock.ts";

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

const timeLength = 9;
const placeLength = 2;
const idsMax = 36 ** placeLength;

/**
 * Returns new resource ids in ascending order, in any collation: 20 characters of [0-9A-Za-z], which begin with the time and the
 * place among these ids in digits and small letters, and end with 53 random bits.
 */
export function newIds(count: number, nowMs = systemClock.now()): string[] {
  if (count > idsMax) throw new RangeError(`${count} ids at once, of ${idsMax} at most`);
  const time = nowMs.toString(36).padStart(timeLength, "0");
  return Array.from({ length: count }, (_, place) => {
    const ordered = time + place.toString(36).padStart(placeLength, "0");
    return ordered + randomBase62(resourceIdLength - ordered.length);
  });
}

/** Returns a new resource id, which is greater than those of earlier milliseconds. */
export function newId(): string {
  const [id = ""] = newIds(1);
  return id;
}
