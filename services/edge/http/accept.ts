import Negotiator from "negotiator";
import { SymbolFormat } from "../../../gen/qrforge/qr/v1/symbol_pb.ts";

/** Headers of a picture: private to its account, cacheable, and inert when it is opened as a page. */
export const fileHeaders = {
  "cache-control": "private, no-cache",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; img-src data:; sandbox",
};

/** Formats of a symbol, the preferred one first: each with its number in the contract and its media type. */
export const symbolFormats = {
  svg: { number: SymbolFormat.SVG, type: "image/svg+xml" },
  png: { number: SymbolFormat.PNG, type: "image/png" },
  pdf: { number: SymbolFormat.PDF, type: "application/pdf" },
};

const names = ["svg", "png", "pdf"] as const;

/**
 * Selects the format that an Accept header prefers (RFC 9110, section 12.5.1): the first of equally ranked ones. A
 * header that accepts none of them gets the first that it does not exclude by `q=0`.
 */
export function acceptedFormat(accept: string | undefined): keyof typeof symbolFormats {
  const headers = { accept: accept === undefined ? "*/*" : `${accept}, */*;q=0.001` };
  const type = new Negotiator({ headers }).mediaType(names.map((name) => symbolFormats[name].type));
  return names.find((name) => symbolFormats[name].type === type) ?? "svg";
}
