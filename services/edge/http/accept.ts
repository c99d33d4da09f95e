import { SymbolFormat } from "../../../gen/qrforge/qr/v1/symbol_pb.ts";

/** A picture is for its account alone, may be kept, and does nothing when it is opened as a page. */
export const fileHeaders = {
  "cache-control": "private, no-cache",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; img-src data:; sandbox",
};

/** What symbols come as: the contract's number, and the media type. */
export const symbolFormats = {
  svg: { number: SymbolFormat.SVG, type: "image/svg+xml" },
  png: { number: SymbolFormat.PNG, type: "image/png" },
  pdf: { number: SymbolFormat.PDF, type: "application/pdf" },
};

/** The format that a client likes best, by its Accept header; SVG if it does not say. */
export function acceptedFormat(accept: string | undefined): keyof typeof symbolFormats {
  const wanted = (accept ?? "").split(",").map((entry) => {
    const [type = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    return { type, quality: quality === undefined ? 1 : Number(quality) || 0 };
  });
  wanted.sort((a, b) => b.quality - a.quality);
  const excluded = new Set(wanted.filter(({ quality }) => quality === 0).map(({ type }) => type));
  const names = (["svg", "png", "pdf"] as const).filter((name) => !excluded.has(symbolFormats[name].type));
  for (const { type, quality } of wanted) {
    const isWanted = (name: keyof typeof symbolFormats) =>
      [symbolFormats[name].type, `${symbolFormats[name].type.split("/")[0]}/*`, "*/*"].includes(type);
    const format = names.find(isWanted);
    if (format && quality > 0) return format;
  }
  return names[0] ?? "svg";
}
