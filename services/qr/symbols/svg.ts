import type { Drawing } from "./geometry.ts";

/** Returns a drawing as SVG with the given width in pixels. */
export function toSvg({ width, height, shapes, logo }: Drawing, widthPx: number): string {
  const heightPx = Math.round((widthPx * height) / width);
  const paths = shapes
    .map(({ path, colour, rule }) => `<path fill="${colour}" fill-rule="${rule}" d="${path}"/>`)
    .join("");
  const image = logo
    ? `<image x="${logo.x}" y="${logo.y}" width="${logo.width}" height="${logo.height}" ` +
      `href="data:image/png;base64,${Buffer.from(logo.png).toString("base64")}"/>`
    : "";
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" ` +
    `viewBox="0 0 ${width} ${height}">${paths}${image}</svg>`
  );
}
