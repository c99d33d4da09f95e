/** Characters with a meaning in lists of addresses or in SMTP: with them, one address can name another, or several. */
const special = '\\s@<>()[\\]\\\\,;:"\\p{Cc}';
const plainAddress = new RegExp(`^[^${special}]+@[^${special}]+$`, "u");

/** Returns whether a text is one e-mail address that means the same wherever it is read. */
export function isPlainAddress(text: string): boolean {
  return plainAddress.test(text);
}
