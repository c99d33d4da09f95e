import { marginBounds, sizeBounds } from "../../../contracts/symbol-bounds.ts";
import type { FieldIssue } from "../../../platform/errors.ts";
import { outlineText, undrawable } from "./caption.ts";
import { drawSymbol } from "./geometry.ts";
import { blur, toRaster } from "./raster.ts";
import { readSymbol } from "./reader.ts";
import { eccLevels, plainStyle, type Style, type SymbolRequest } from "./style.ts";
import { toGridSvg, toSvg } from "./svg.ts";

/** Widths at which a symbol must be readable, in pixels; at the smaller one also blurred. */
const widthPx = 512;
const smallPx = 120;
/** Minimum width of a module, in pixels; the widths that are tried for a picture that cannot be read back at its size. */
const modulePxMin = 2;
const modulePxTried = [2, 3, 4, 5, 6, 7];
/** Minimum contrast ratio between the colours, as defined by WCAG: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
const contrastMin = 4.5;

/**
 * Draws a symbol and reads it back, at full size, and small and blurred. Returns what to change if that fails: the first
 * setting that makes the symbol readable when it is changed alone.
 */
export async function readabilityIssue(request: SymbolRequest): Promise<FieldIssue | undefined> {
  const issue = coloursIssue(request.style) ?? captionIssue(request.style);
  if (issue) return issue;
  if (await isReadable(request)) return undefined;
  for (const { changed, field, issue: remedy } of remedies(request)) {
    if (await isReadable(changed)) return { field, issue: remedy };
  }
  const hopeless =
    "makes a symbol that cannot be read back at 120 px; take the plain style, a shorter slug or a lower ecc";
  return { field: "style", issue: hopeless };
}

/** Width of a module from which a picture is as readable as the ones that were checked, in pixels. */
const modulePxSafe = 8;

/**
 * Draws a readable symbol at a size and reads it back, on the grid of pixels and off it. Returns the smallest size if that
 * fails: modules narrower than two pixels are legible to few readers.
 */
export async function sizeIssue(request: SymbolRequest, size: number): Promise<FieldIssue | undefined> {
  const drawing = drawSymbol(request, outlineText);
  const isRead = async (svg: string, px: number) => (await readSymbol(await toRaster(svg, px))) === request.text;
  const isReadableAt = async (px: number) =>
    (await isRead(toSvg(drawing, px), px)) && (await isRead(toGridSvg(drawing, px), px));
  const modulePx = Math.floor(size / drawing.width);
  if (modulePx >= modulePxSafe || (modulePx >= modulePxMin && (await isReadableAt(size)))) return undefined;
  for (const tried of modulePxTried) {
    const smallest = Math.max(sizeBounds.min, tried * drawing.width);
    if (smallest <= size || !(await isReadableAt(smallest))) continue;
    return { field: "size", issue: `is too small for this symbol with its margin; it needs at least ${smallest}` };
  }
  const enough = modulePxSafe * drawing.width;
  return { field: "size", issue: `is too small for this symbol with its margin; it needs at least ${enough}` };
}

async function isReadable(request: SymbolRequest): Promise<boolean> {
  const drawing = drawSymbol(request, outlineText);
  const svg = toSvg(drawing, widthPx);
  const large = await readSymbol(await toRaster(svg, widthPx));
  if (large !== request.text) return false;
  // A wider margin enlarges the picture, so that the symbol stays the same size.
  const wider = 2 * Math.max(0, request.margin - marginBounds.fallback);
  const small = await toRaster(svg, Math.round((smallPx * drawing.width) / (drawing.width - wider)));
  return (await readSymbol(blur(small))) === request.text;
}

function coloursIssue({ foreground, background }: Style): FieldIssue | undefined {
  const [dark, light] = [luminance(foreground), luminance(background)];
  const field = "style.foreground";
  if (dark >= light) return { field, issue: "must be darker than the background: many readers see no inverted symbol" };
  const contrast = (light + 0.05) / (dark + 0.05);
  if (contrast >= contrastMin) return undefined;
  const issue = `has a contrast of ${(Math.floor(contrast * 100) / 100).toFixed(2)} to the background and needs ${contrastMin}; make it darker`;
  return { field, issue };
}

function captionIssue({ caption }: Style): FieldIssue | undefined {
  const field = "style.caption";
  const missing = undrawable(caption);
  if (missing.length > 0) return { field, issue: `has characters that cannot be drawn: ${missing.join(" ")}` };
  // Several accents on one letter can reach into the symbol.
  if (/\p{M}{3,}/u.test(caption.normalize("NFC"))) return { field, issue: "has too many marks on one letter" };
  const isVisible = caption === "" || /[\p{L}\p{N}\p{P}\p{S}]/u.test(caption);
  return isVisible ? undefined : { field, issue: "must have something to see, or be null" };
}

/** Returns the relative luminance, 0 to 1: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function* remedies(request: SymbolRequest): Generator<{ changed: SymbolRequest; field: string; issue: string }> {
  const { style, margin, logo } = request;
  const withStyle = (change: Partial<Style>) => ({ ...request, style: { ...style, ...change } });
  if (margin < marginBounds.fallback) {
    const issue = `is too narrow for this symbol; ${marginBounds.fallback} modules are enough`;
    yield { changed: { ...request, margin: marginBounds.fallback }, field: "margin", issue };
  }
  if (logo) {
    const issue = "hides too much of the symbol; make the logo smaller or leave it out";
    yield { changed: { ...request, logo: undefined }, field: "style.logo_size", issue };
  }
  if (style.moduleShape !== plainStyle.moduleShape) {
    const issue = `"${style.moduleShape}" cannot be read back at this density; use "square"`;
    yield { changed: withStyle({ moduleShape: plainStyle.moduleShape }), field: "style.module_shape", issue };
  }
  if (style.finderShape !== plainStyle.finderShape) {
    const issue = `"${style.finderShape}" cannot be read back at this density; use "square"`;
    yield { changed: withStyle({ finderShape: plainStyle.finderShape }), field: "style.finder_shape", issue };
  }
  if (style.caption !== "") {
    const issue = "leaves too little room for the symbol; leave it out";
    yield { changed: withStyle({ caption: "" }), field: "style.caption", issue };
  }
  for (const ecc of eccLevels.slice(0, eccLevels.indexOf(request.ecc)).reverse()) {
    const issue = `${request.ecc} makes the symbol too dense for so long an address; use ${ecc}, or a shorter slug`;
    yield { changed: { ...request, ecc }, field: "ecc", issue };
  }
}
