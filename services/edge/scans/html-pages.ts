/** HTML pages for scans of codes without a target. They contain no data from the request. */
function page(title: string, text: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1.125rem/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center }
  main { max-width: 26rem; padding: 2rem; text-align: center }
  h1 { font-size: 1.5rem; margin: 0 0 .5rem }
  p { margin: 0; opacity: .75 }
</style>
<main>
  <h1>${title}</h1>
  <p>${text}</p>
</main>
</html>
`;
}

export const scanPages = {
  archived: page("This code is no longer in use", "Whoever printed it has archived it. It may be switched on again."),
  unknown: page("There is no such code", "Check that the whole code was scanned, or the address typed without a slip."),
  unavailable: page("Please try again in a moment", "The service behind this code cannot be reached right now."),
};

/** Forbids these pages to load, run or post anything; only their inline style is allowed. */
export const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "cache-control": "private, no-store",
};
