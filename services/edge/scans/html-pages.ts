import { type AbuseContact, reportUrl } from "../../../platform/abuse-contact.ts";
import { escapeHtml } from "../../../platform/escape-html.ts";
import { noIndex } from "./well-known-files.ts";

/** Titles and texts of the pages that people see who scan a code without a target. */
const texts = {
  archived: ["This code is no longer in use", "Whoever printed it has archived it. It may be switched on again."],
  "taken-down": ["This code is no longer in use", "The operator of this service has switched it off."],
  unknown: ["There is no such code", "Check that the whole code was scanned, or the address typed without a slip."],
  unavailable: ["Please try again in a moment", "The service behind this code cannot be reached right now."],
} as const;

/** Returns a page about a slug; without `slug`, about a path that cannot be one, which is not shown. */
export type ScanPages = (kind: keyof typeof texts, slug?: string) => string;

/** Creates the pages for scans of codes without a target. With a contact they say where abuse is reported. */
export function createScanPages(contact: AbuseContact | undefined): ScanPages {
  return (kind, slug) => {
    const [title, text] = texts[kind];
    return page(title, `<p>${text}</p>${contact ? reportLink(contact, slug) : ""}`);
  };
}

/** Returns the page that says how abuse is reported. */
export function abusePage(contact: AbuseContact, shortUrlBase: string): string {
  const link = `<a href="${escapeHtml(contact.url)}">${escapeHtml(contact.text)}</a>`;
  return page(
    "Report abuse",
    `<p>Does a code or a link that begins with ${escapeHtml(shortUrlBase)}/ lead to something harmful or unlawful?
  Report it to ${link}, with the whole link, or a picture of the code.</p>`,
  );
}

function reportLink(contact: AbuseContact, slug: string | undefined): string {
  const about = slug === undefined ? "" : ` (code ${escapeHtml(slug)})`;
  const url = reportUrl(contact, slug);
  return `
  <p class="report"><a href="${escapeHtml(url)}" rel="nofollow">Report abuse</a>${about}</p>`;
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1.125rem/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center }
  main { max-width: 26rem; padding: 2rem; text-align: center; overflow-wrap: anywhere }
  h1 { font-size: 1.5rem; margin: 0 0 .5rem }
  p { margin: 0; opacity: .75 }
  .report { margin-top: 2rem; font-size: .875rem }
  a { color: inherit }
</style>
<main>
  <h1>${title}</h1>
  ${content}
</main>
</html>
`;
}

/** Forbids these pages to load, run or post anything; only their inline style is allowed. */
export const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "cache-control": "private, no-store",
  ...noIndex,
};
