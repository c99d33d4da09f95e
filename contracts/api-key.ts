/** Number of random characters of an API key: 26 of [0-9A-Za-z], 154 bits. */
export const apiKeyRandomLength = 26;

/** The form of an API key: the prefix, random characters, and a checksum. */
export const apiKeyPattern = /^api_live_([0-9A-Za-z]{26})([0-9A-Za-z]{6})$/;

const prefix = "api_live_";
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Returns the API key of 26 random characters: the prefix, these, and 6 characters of checksum, which shows typos. */
export function formatApiKey(randomPart: string): string {
  return prefix + randomPart + checksum(randomPart);
}

/** Returns whether a text has the form and the checksum of an API key. */
export function isApiKey(text: string): boolean {
  const [, randomPart = "", sum] = apiKeyPattern.exec(text) ?? [];
  return sum !== undefined && checksum(randomPart) === sum;
}

/** Returns the CRC-32 of a text as 6 digits of base 62, most significant first. 62^6 exceeds 2^32, so it always fits. */
function checksum(ascii: string): string {
  let rest = crc32(ascii);
  let digits = "";
  for (let place = 0; place < 6; place++) {
    digits = base62.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** The remainders of all bytes for the polynomial of zip and Ethernet, reflected. */
const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder;
});

/** Returns the CRC-32 of an ASCII text. Written out, as clients in a browser have no zlib. */
function crc32(ascii: string): number {
  let sum = 0xffffffff;
  for (let at = 0; at < ascii.length; at++) {
    sum = (sum >>> 8) ^ (remainders[(sum ^ ascii.charCodeAt(at)) & 0xff] ?? 0);
  }
  return ~sum >>> 0;
}
