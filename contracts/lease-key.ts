/** Keys of qr's log of changes that name more than one slug. No slug contains a colon, so none is mistaken for a slug. */
const accountPrefix = "account:";

/** Returns the key that names all slugs of an account. */
export function accountKey(accountId: string): string {
  return `${accountPrefix}${accountId}`;
}

/** Returns the account whose slugs a key names; undefined if the key is a slug. */
export function accountOfKey(key: string): string | undefined {
  return key.startsWith(accountPrefix) ? key.slice(accountPrefix.length) : undefined;
}
