import { resourceIdPattern } from "../../../contracts/resource-id.ts";
import { slugPattern } from "../../../contracts/slug.ts";
import { eccFallback, marginBounds, sizeBounds } from "../../../contracts/symbol-bounds.ts";
import {
  ErrorCorrection,
  SymbolFormat,
  type SymbolOptions,
  SymbolService,
} from "../../../gen/qrforge/qr/v1/symbol_pb.ts";
import { ServiceError, throwIfFieldIssues } from "../../../platform/errors.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { changeStyle, logoIdOf, styleIssues, toStyle } from "../domain/fields.ts";
import { requireAccount } from "../domain/requests.ts";
import type { CodeStore } from "../store/qr-codes.ts";
import { type Ecc, type Format, plainStyle } from "../symbols/style.ts";
import { createLogoHandlers, type LogoDependencies } from "./logos.ts";
import { readStyle } from "./style-message.ts";
import type { Styles } from "./styles.ts";

const textLengthMax = 200;

const formats: Record<SymbolFormat, Format> = {
  [SymbolFormat.UNSPECIFIED]: "svg",
  [SymbolFormat.SVG]: "svg",
  [SymbolFormat.PNG]: "png",
  [SymbolFormat.PDF]: "pdf",
};
const eccs: Record<ErrorCorrection, Ecc> = {
  [ErrorCorrection.UNSPECIFIED]: eccFallback,
  [ErrorCorrection.L]: "L",
  [ErrorCorrection.M]: "M",
  [ErrorCorrection.Q]: "Q",
  [ErrorCorrection.H]: "H",
};

export interface SymbolDependencies extends LogoDependencies {
  codes: Pick<CodeStore, "getAll">;
  styles: Styles;
  shortUrl(slug: string): string;
}

/** Creates the handlers of SymbolService. */
export function createSymbolService(dependencies: SymbolDependencies): Implementation {
  const { codes, styles, drawer, shortUrl } = dependencies;
  return implement(SymbolService, {
    ...createLogoHandlers(dependencies),
    async drawSymbol({ accountId, idOrSlug, options, knownEtags }, { remainingMs }) {
      requireAccount(accountId);
      const { format, size, margin, ecc } = readOptions(options);
      const isName = resourceIdPattern.test(idOrSlug) || slugPattern.test(idOrSlug);
      const [code] = isName ? await codes.getAll([{ accountId, idOrSlug }]) : [];
      if (!code) throw new ServiceError("NOT_FOUND", "There is no such QR code in this account.");
      if (code.status === "archived") {
        const advice = code.takenDownAt
          ? "The operator of this service took this code down. Write to the operator about it."
          : "The QR code is archived. Restore it to draw its symbol.";
        throw new ServiceError("RESOURCE_ARCHIVED", advice);
      }
      const style = toStyle(code);
      const request = { text: shortUrl(code.slug), style, logo: undefined, margin, ecc };
      const etag = drawer.etagOf(request, format, size);
      if (knownEtags.includes(etag) || knownEtags.includes("*")) return { etag };
      const logo = await styles.logoOf(accountId, style);
      return { etag, content: await drawer.draw({ ...request, logo }, format, size, { accountId, remainingMs }) };
    },

    async previewSymbol({ accountId, text, style: message, options }, { remainingMs }) {
      const caller = { accountId, remainingMs };
      requireAccount(accountId);
      if (text.length === 0 || text.length > textLengthMax) {
        throw new ServiceError("INVALID_REQUEST", `text must have 1 to ${textLengthMax} characters`);
      }
      const { format, size, margin, ecc } = readOptions(options);
      const given = readStyle(message);
      throwIfFieldIssues(styleIssues(given));
      const style = changeStyle(plainStyle, given);
      const uploaded = message?.logo.length ? await drawer.readLogo(message.logo, caller) : undefined;
      if (uploaded && "issue" in uploaded) return { field: "style.logo", issue: uploaded.issue };
      if (uploaded) style.logoId = logoIdOf(uploaded);
      const logo = uploaded ?? (await styles.logoOf(accountId, style));
      const request = { text, style, logo, margin, ecc };
      const issue = await drawer.checkReadability(request, caller, size);
      return issue ?? { content: await drawer.draw(request, format, size, caller) };
    },
  });
}

function readOptions(options: SymbolOptions | undefined) {
  const size = options?.size || sizeBounds.fallback;
  const margin = options?.margin ?? marginBounds.fallback;
  const ecc = eccs[options?.errorCorrection ?? ErrorCorrection.UNSPECIFIED];
  const format = formats[options?.format ?? SymbolFormat.UNSPECIFIED];
  const fields = [];
  if (size < sizeBounds.min || size > sizeBounds.max) {
    fields.push({ field: "size", issue: `must be from ${sizeBounds.min} to ${sizeBounds.max}` });
  }
  if (margin > marginBounds.max) {
    fields.push({ field: "margin", issue: `must be from ${marginBounds.min} to ${marginBounds.max}` });
  }
  if (!ecc) fields.push({ field: "ecc", issue: "must be L, M, Q or H" });
  if (!format) fields.push({ field: "format", issue: "must be svg, png or pdf" });
  if (fields.length > 0 || !ecc || !format) {
    throw new ServiceError("INVALID_REQUEST", `${fields[0]?.field} ${fields[0]?.issue}`, { fields });
  }
  return { format, size, margin, ecc };
}
