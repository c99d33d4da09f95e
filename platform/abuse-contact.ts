import type { Setting } from "./process/config.ts";

/** Where abuse of codes is reported. */
export interface AbuseContact {
  /** URL that a page links to: `mailto:` or `https:`. */
  url: string;
  /** The same for people to read: an e-mail address or a URL. */
  text: string;
}

/**
 * Setting of where abuse of codes is reported. The edge shows it to those who scan, and qr names it to the owner of a code
 * that the operator took down, so both need the same value.
 */
export const abuseContactSettings = {
  abuseContact: {
    env: "ABUSE_CONTACT",
    meaning:
      "where abuse of codes is reported: an e-mail address, or a mailto: or https: URL; shown on the pages that scanners see, at /abuse and in /.well-known/security.txt",
    default: "",
    parse: (value) => (value === "" ? undefined : parseAbuseContact(value)),
  } satisfies Setting<AbuseContact | undefined>,
};

/** Letters that are safe in an address, in a header of a text file and in HTML alike. */
const addressPattern = /^[\w.+-]{1,64}@[0-9a-z](?:[0-9a-z.-]*[0-9a-z])?$/i;

function parseAbuseContact(value: string): AbuseContact {
  const address = value.replace(/^mailto:/i, "");
  if (addressPattern.test(address)) return { url: `mailto:${address}`, text: address };
  if (!/^https:/i.test(value) || !URL.canParse(value)) {
    throw new Error('must be an e-mail address, or a URL that begins with "mailto:" or "https://"');
  }
  const { href, username, password } = new URL(value);
  if (username || password) throw new Error("must be a URL without a user name and password");
  return { url: href, text: href };
}

/** Returns the URL at which a report begins: for an e-mail address with a subject, which names the code if there is one. */
export function reportUrl({ url }: AbuseContact, slug: string | undefined): string {
  if (!url.startsWith("mailto:")) return url;
  return `${url}?subject=${encodeURIComponent(slug === undefined ? "Abuse" : `Abuse of code ${slug}`)}`;
}

/** Returns the message for an owner who changes a code that the operator took down. */
export function takenDownMessage(contact: AbuseContact | undefined): string {
  const where = contact?.text ?? "the operator";
  return `The operator of this service took this code down, so it cannot be changed or restored. Write to ${where} about it.`;
}
