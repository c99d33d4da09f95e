import { between, pick, type Random } from "./random.ts";

const side = 120;

const colour = (random: Random, light: number) =>
  `hsl(${between(random, 0, 359)} ${between(random, 45, 95)}% ${light + between(random, -12, 12)}%)`;
const point = (angle: number, radius: number) =>
  `${(side / 2 + radius * Math.cos(angle)).toFixed(1)},${(side / 2 + radius * Math.sin(angle)).toFixed(1)}`;

/** A star or a polygon. */
function star(random: Random): string {
  const corners = between(random, 3, 12);
  const inner = between(random, 22, 46);
  const points = Array.from({ length: 2 * corners }, (_, at) => point((Math.PI * at) / corners, at % 2 ? inner : 48));
  return `<polygon points="${points.join(" ")}" fill="${colour(random, 85)}"/>`;
}

/** Bars, as of a chart. */
function bars(random: Random): string {
  const count = between(random, 3, 7);
  const width = 80 / count;
  return Array.from({ length: count }, (_, at) => {
    const height = between(random, 20, 80);
    return `<rect x="${20 + at * width}" y="${100 - height}" width="${width * 0.8}" height="${height}" fill="${colour(random, 80)}"/>`;
  }).join("");
}

/** Circles, some over others. */
function circles(random: Random): string {
  return Array.from({ length: between(random, 2, 9) }, () => {
    const [x, y, r] = [between(random, 30, 90), between(random, 30, 90), between(random, 6, 26)];
    return `<circle cx="${x}" cy="${y}" r="${r}" fill="${colour(random, 70)}" fill-opacity="0.8"/>`;
  }).join("");
}

/** A monogram of strokes. */
function strokes(random: Random): string {
  const points = Array.from(
    { length: between(random, 3, 6) },
    () => `${between(random, 25, 95)} ${between(random, 25, 95)}`,
  );
  return `<path d="M${points.join("L")}" fill="none" stroke="${colour(random, 90)}" stroke-width="${between(random, 5, 12)}" stroke-linecap="round" stroke-linejoin="round"/>`;
}

/** A mosaic of squares: more detail than the others have. */
function mosaic(random: Random): string {
  const count = between(random, 4, 10);
  const cell = 88 / count;
  return Array.from({ length: count * count }, (_, at) => {
    const [x, y] = [16 + (at % count) * cell, 16 + Math.floor(at / count) * cell];
    return `<rect x="${x.toFixed(2)}" y="${y.toFixed(2)}" width="${cell.toFixed(2)}" height="${cell.toFixed(2)}" fill="${colour(random, 60)}"/>`;
  }).join("");
}

const drawings = [star, bars, circles, strokes, mosaic];

/** Returns a picture as SVG. Two of different generators look different. */
export function logo(random: Random): Uint8Array {
  const isRound = random() < 0.5;
  const id = "g";
  const ground = `<linearGradient id="${id}"><stop offset="0" stop-color="${colour(random, 30)}"/><stop offset="1" stop-color="${colour(random, 40)}"/></linearGradient>`;
  const plate = isRound
    ? `<circle cx="60" cy="60" r="60" fill="url(#${id})"/>`
    : `<rect width="${side}" height="${side}" rx="${between(random, 0, 30)}" fill="url(#${id})"/>`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 ${side} ${side}">` +
    `<defs>${ground}</defs>${plate}${pick(random, drawings)(random)}</svg>`;
  return Buffer.from(svg);
}
