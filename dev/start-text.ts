import { signInLink } from "../cli/links.ts";
import { reachOf } from "../platform/short-url-base.ts";
import type { Demo } from "./demo.ts";
import { describeSignUp } from "./sign-up.ts";

/** Input of the launcher's message after a start. */
export interface Started {
  /** Public URL of the first edge; `moreUrls` are those of the others. */
  url: string;
  moreUrls: string[];
  shortUrlBase: string;
  /** SIGN_UP of auth. */
  signUp: string;
  demo: Demo | undefined;
  dataDir: string;
  /** Whether this is the tools' default. */
  isDefaultDataDir: boolean;
  lan:
    | {
        /** URL to open on a phone. */
        link: string;
        /** This URL as a QR code, line by line; empty if it cannot be drawn. */
        symbol: string[];
        /** Other possible addresses. */
        others: string[];
      }
    | undefined;
}

/** Returns a text as one word of a shell's command line. */
function quote(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function describeDemo({ demo, url, dataDir, isDefaultDataDir }: Started): string[] {
  const admin = `${isDefaultDataDir ? "" : `QRFORGE_DATA_DIR=${quote(dataDir)} `}npm run -s admin --`;
  if (!demo) return [`There are accounts already. ${admin} account list`, ""];
  const links = [
    `To sign in as ${demo.email}, open this link. It works once, within an hour; a password can be set on the Account page.`,
    "",
    `  ${signInLink(url, demo.token)}`,
    "",
    `Another link:  ${admin} account sign-in-link ${demo.accountId}`,
  ];
  if (!demo.key) return [...links, `Another key:   ${admin} key create --account ${demo.accountId} --name another`, ""];
  const body = `{"name":"My first code","redirect_url":"https://example.com/","slug":"first"}`;
  return [
    ...links,
    "",
    "In another terminal: the API key, which is shown this once, and a first code, created, read and scanned.",
    "",
    `  export QRFORGE_URL=${url} QRFORGE_KEY=${demo.key}`,
    `  curl -s $QRFORGE_URL/v1/qr-codes -H "x-api-key: $QRFORGE_KEY" -H 'content-type: application/json' -d '${body}'`,
    `  curl -s $QRFORGE_URL/v1/qr-codes/first -H "x-api-key: $QRFORGE_KEY"`,
    "  curl -si $QRFORGE_URL/first",
    "",
  ];
}

function describeLan({ lan }: Started): string[] {
  if (!lan) return [];
  const others =
    lan.others.length > 0 ? [`Not reachable? Try another address: --lan-address ${lan.others.join(", or ")}`] : [];
  return [
    "On a phone in this network, open this link, or scan it:",
    "",
    `  ${lan.link}`,
    "",
    ...lan.symbol.map((line) => `  ${line}`),
    ...(lan.symbol.length > 0 ? [""] : []),
    ...others,
    ...(others.length > 0 ? [""] : []),
  ];
}

/** Returns a warning about printed codes; empty if codes work everywhere. */
export function describeReach({ shortUrlBase }: Pick<Started, "shortUrlBase">): string[] {
  const reach = reachOf(shortUrlBase);
  if (reach === "public") return [];
  const where = reach === "loopback" ? "on this machine alone" : "inside this network alone";
  const tryOut = reach === "loopback" ? ["  To try them with a phone:     npm start -- --lan"] : [];
  return [
    `Codes made now work ${where}: they encode ${shortUrlBase}/..., and what is printed keeps that address.`,
    ...tryOut,
    "  Before you print for others:  SHORT_URL_BASE=https://your.domain npm start  (README.md, HTTPS with your own domain)",
    "",
  ];
}

/** Returns the last lines of a start. */
export function describeStarted(started: Started): string {
  return [
    "",
    "QRForge is up.",
    "",
    `Dashboard     ${started.url}/`,
    `API           ${[started.url, ...started.moreUrls].map((url) => `${url}/v1`).join("  ")}   reference: ${started.url}/docs`,
    `Sign-up       ${describeSignUp(started.signUp)}`,
    `Data, logs    ${started.dataDir}`,
    "",
    ...describeDemo(started),
    ...describeLan(started),
    ...describeReach(started),
    "Ctrl-C stops everything.",
  ].join("\n");
}
