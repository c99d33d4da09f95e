import { encodeQR } from "qr";
import type { Ecc, FinderShape, Logo, ModuleShape, SymbolRequest } from "./style.ts";
import { effectiveEcc } from "./style.ts";

/** A filled shape: an SVG path in modules. */
export interface Shape {
  path: string;
  colour: string;
  rule: "evenodd" | "nonzero";
}

/** A symbol as shapes, in modules, from the top left corner of its picture. */
export interface Drawing {
  width: number;
  height: number;
  /** Shapes in painting order. */
  shapes: Shape[];
  logo: { x: number; y: number; width: number; height: number; png: Uint8Array } | undefined;
}

/** Outlines of a text whose baseline begins at 0,0 and whose capitals are about 0.7 high; for SVG's and PDF's y axis. */
export type OutlineText = (text: string, place: (width: number) => { x: number; y: number; scale: number }) => string;

const eccNames = { L: "low", M: "medium", Q: "quartile", H: "high" } as const;
const finderSize = 7;
/** Width of the empty border around a logo, in modules. */
const logoPadding = 0.6;
/** Frame of a caption: its border, its band below the symbol as a share of the width, and the text in the band. */
const border = 1;
const bandShare = 0.16;
const textShare = 0.5;
const textWidthMax = 0.88;

/** Returns the modules row by row; dark ones are true. */
export function encodeModules(text: string, ecc: Ecc): boolean[][] {
  // The library always adds a border.
  const bordered = encodeQR(text, "raw", { ecc: eccNames[ecc], border: 1 });
  return bordered.slice(1, -1).map((row) => row.slice(1, -1));
}

/** Returns the shapes of a symbol. */
export function drawSymbol(request: SymbolRequest, outline: OutlineText): Drawing {
  const { style, margin, logo } = request;
  const modules = encodeModules(request.text, effectiveEcc(request.ecc, logo !== undefined));
  const size = modules.length;
  const edge = style.caption === "" ? 0 : border;
  const offset = margin + edge;
  const width = size + 2 * offset;
  const band = style.caption === "" ? 0 : round(width * bandShare);
  const height = width + band;

  const box = logo && logoBox(logo, size, style.logoSize);
  // Removes the modules that are drawn separately or hidden: the finders, and those under a logo.
  for (const [x, y] of finderCorners(size)) clear(modules, x, y, x + finderSize, y + finderSize);
  if (box) {
    const { x, y, width: w, height: h } = box;
    const [left, top] = [Math.floor(x - logoPadding), Math.floor(y - logoPadding)];
    clear(modules, left, top, Math.ceil(x + w + logoPadding), Math.ceil(y + h + logoPadding));
  }
  const isDark = (x: number, y: number) => modules[y]?.[x] ?? false;
  const path = modulePath(style.moduleShape, isDark, size, offset) + finders(style.finderShape, size, offset);

  const rule = "evenodd";
  const shapes: Shape[] = [{ path: rectangle(0, 0, width, height), colour: style.background, rule }];
  if (style.caption !== "") {
    const hole = rectangle(edge, edge, width - 2 * edge, width - 2 * edge);
    shapes.push({ path: rectangle(0, 0, width, height) + hole, colour: style.foreground, rule });
  }
  shapes.push({ path, colour: style.foreground, rule });
  if (style.caption !== "") {
    const text = outline(style.caption, (textWidth) => {
      const scale = Math.min(band * textShare * 1.4, (width * textWidthMax) / textWidth);
      return { x: (width - textWidth * scale) / 2, y: width - edge + (band + edge) / 2 + 0.35 * scale, scale };
    });
    // The strokes of a letter may overlap.
    shapes.push({ path: text, colour: style.background, rule: "nonzero" });
  }
  return {
    width,
    height,
    shapes,
    logo: box && logo && { ...box, x: box.x + offset, y: box.y + offset, png: logo.png },
  };
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

function logoBox(logo: Logo, size: number, percent: number): Box {
  const longer = (size * percent) / 100;
  const scale = longer / Math.max(logo.width, logo.height);
  const width = round(logo.width * scale);
  const height = round(logo.height * scale);
  return { x: round((size - width) / 2), y: round((size - height) / 2), width, height };
}

/** Makes modules light, from a position (inclusive) to another (exclusive). */
function clear(modules: boolean[][], left: number, top: number, right: number, bottom: number): void {
  for (let y = Math.max(0, top); y < Math.min(modules.length, bottom); y++) {
    modules[y]?.fill(false, Math.max(0, left), right);
  }
}

/** Returns the top left modules of the three finders. */
function finderCorners(size: number): [number, number][] {
  const far = size - finderSize;
  return [
    [0, 0],
    [far, 0],
    [0, far],
  ];
}

function isFinder(x: number, y: number, size: number): boolean {
  const near = (value: number) => value < finderSize;
  const far = (value: number) => value >= size - finderSize;
  return (near(x) && near(y)) || (far(x) && near(y)) || (near(x) && far(y));
}

/**
 * Returns whether a module is in an alignment pattern, ISO/IEC 18004:2015 annex E; their
 * centres form a grid, without those that the finders cover.
 */
function createAlignment(size: number): (x: number, y: number) => boolean {
  const version = (size - 17) / 4;
  if (version === 1) return () => false;
  const count = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  const centres = [6, ...Array.from({ length: count - 1 }, (_, index) => size - 7 - index * step)];
  const nearest = (at: number) => centres.find((centre) => Math.abs(at - centre) <= 2);
  return (x, y) => {
    const [cx, cy] = [nearest(x), nearest(y)];
    return cx !== undefined && cy !== undefined && !isFinder(cx, cy, size);
  };
}

type IsDark = (x: number, y: number) => boolean;

function modulePath(shape: ModuleShape, isDark: IsDark, size: number, offset: number): string {
  if (shape === "square") return squareModules(isDark, size, offset);
  const isAlignment = createAlignment(size);
  let path = "";
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (!isDark(x, y)) continue;
      if (shape === "dot" && !isAlignment(x, y)) path += circle(x + offset + 0.5, y + offset + 0.5, 0.5);
      else if (shape === "dot") path += row(x + offset, y + offset, 1);
      else path += roundedModule(x, y, isDark, offset);
    }
  }
  return path;
}

/** Returns the dark modules of each row; adjacent ones are one rectangle. */
function squareModules(isDark: IsDark, size: number, offset: number): string {
  let path = "";
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (!isDark(x, y)) continue;
      const start = x;
      while (x + 1 < size && isDark(x + 1, y)) x++;
      path += row(start + offset, y + offset, x - start + 1);
    }
  }
  return path;
}

/** Returns a module with round corners where it has no neighbour. */
function roundedModule(x: number, y: number, isDark: IsDark, offset: number): string {
  const [up, right, down, left] = [isDark(x, y - 1), isDark(x + 1, y), isDark(x, y + 1), isDark(x - 1, y)];
  const corner = (first: boolean, second: boolean) => (first || second ? 0 : 0.5);
  const corners = [corner(up, left), corner(up, right), corner(down, right), corner(down, left)] as const;
  return roundedRectangle(x + offset, y + offset, 1, corners);
}

function finders(shape: FinderShape, size: number, offset: number): string {
  return finderCorners(size)
    .map(([x, y]) => finder(shape, x + offset, y + offset))
    .join("");
}

/** Returns a finder: a ring of 7 and 5 modules around a core of 3. */
function finder(shape: FinderShape, x: number, y: number): string {
  if (shape === "circle") {
    const centre = [x + 3.5, y + 3.5] as const;
    return circle(...centre, 3.5) + circle(...centre, 2.5) + circle(...centre, 1.5);
  }
  if (shape === "rounded") {
    const square = (inset: number, side: number, radius: number) =>
      roundedRectangle(x + inset, y + inset, side, [radius, radius, radius, radius]);
    return square(0, 7, 2) + square(1, 5, 1.2) + square(2, 3, 0.8);
  }
  return rectangle(x, y, 7, 7) + rectangle(x + 1, y + 1, 5, 5) + rectangle(x + 2, y + 2, 3, 3);
}

/** Returns adjacent modules as a rectangle with integer coordinates. */
function row(x: number, y: number, count: number): string {
  return `M${x} ${y}h${count}v1h-${count}z`;
}

function rectangle(x: number, y: number, width: number, height: number): string {
  return `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`;
}

function circle(x: number, y: number, radius: number): string {
  const arc = (to: number) => `a${radius} ${radius} 0 1 0 ${round(to)} 0`;
  return `M${round(x - radius)} ${round(y)}${arc(2 * radius)}${arc(-2 * radius)}z`;
}

/** Returns a square with a radius for each corner, clockwise from the top left. */
function roundedRectangle(
  x: number,
  y: number,
  side: number,
  [tl, tr, br, bl]: readonly [number, number, number, number],
): string {
  const arc = (radius: number, dx: number, dy: number) =>
    radius === 0 ? "" : `a${radius} ${radius} 0 0 1 ${round(dx)} ${round(dy)}`;
  return (
    `M${round(x + tl)} ${round(y)}h${round(side - tl - tr)}${arc(tr, tr, tr)}v${round(side - tr - br)}` +
    `${arc(br, -br, br)}h${round(bl + br - side)}${arc(bl, -bl, -bl)}v${round(tl + bl - side)}${arc(tl, tl, -tl)}z`
  );
}

/** Rounds to a thousandth of a module, so that the output is the same everywhere. */
function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
