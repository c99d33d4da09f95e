import type { Drawing } from "./geometry.ts";

/** Returns a drawing as SVG with the given width in pixels. */
export function toSvg(drawing: Drawing, widthPx: number): string {
  const { width, height } = drawing;
  return svg(widthPx, Math.round((widthPx * height) / width), `0 0 ${width} ${height}`, contentOf(drawing));
}

/**
 * Returns a drawing as SVG whose modules are whole pixels at the given width: what remains of it is background around the
 * drawing. The width has at least a pixel for each module.
 */
export function toGridSvg(drawing: Drawing, widthPx: number): string {
  const modulePx = Math.floor(widthPx / drawing.width);
  const spare = widthPx - modulePx * drawing.width;
  const heightPx = Math.round(modulePx * drawing.height) + spare;
  const offset = Math.floor(spare / 2);
  const background = `<path fill="${drawing.shapes[0]?.colour}" d="M0 0h${widthPx}v${heightPx}h-${widthPx}z"/>`;
  const placed = `<g transform="translate(${offset} ${offset}) scale(${modulePx})">${contentOf(drawing)}</g>`;
  return svg(widthPx, heightPx, `0 0 ${widthPx} ${heightPx}`, background + placed);
}

function svg(width: number, height: number, viewBox: string, content: string): string {
  // Readers of SVG 1.1, such as Apache Batik, know pictures by `xlink:href` alone.
  const xlink = content.includes("xlink:") ? ' xmlns:xlink="http://www.w3.org/1999/xlink"' : "";
  return (
    `<svg xmlns="http://www.w3.org/2000/svg"${xlink} width="${width}" height="${height}" ` +
    `viewBox="${viewBox}">${content}</svg>`
  );
}

function contentOf({ shapes, logo }: Drawing): string {
  const paths = shapes
    .map(({ path, colour, rule }) => `<path fill="${colour}" fill-rule="${rule}" d="${path}"/>`)
    .join("");
  if (!logo) return paths;
  const url = `data:image/png;base64,${Buffer.from(logo.png).toString("base64")}`;
  const { x, y, width, height } = logo;
  return `${paths}<image x="${x}" y="${y}" width="${width}" height="${height}" href="${url}" xlink:href="${url}"/>`;
}
