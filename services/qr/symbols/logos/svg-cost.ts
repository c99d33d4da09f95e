import { LogoError } from "./logo-error.ts";
import type { SvgElement } from "./svg-document.ts";
import { referenceOf } from "./svg-values.ts";

/** What drawing an element takes, with everything that it refers to. */
interface Cost {
  elements: number;
  /** Characters of the data of paths and polygons. */
  pathLength: number;
  /** Upper bound of the length of all outlines, in units of the document; and of the dashes that they are drawn with. */
  reach: number;
  dashes: number;
  /** Pixels of embedded pictures, which are unpacked as often as they are drawn. */
  pixels: number;
  /** Time in which resvg fills a picture of 512 x 512 pixels this often, in about ms. */
  work: number;
}

/** Pixels of all pictures that are drawn, each as often as it is referred to. */
export const embeddedPixelsMax = 4_096 * 4_096;

/** Bounds of what drawing a whole logo takes, and what to do above each. */
const bounds: [keyof Cost, number, string][] = [
  ["elements", 4_000, "draws more than 4,000 elements; simplify it"],
  ["pathLength", 256 * 1_024, "draws more than 262,144 characters of path data; simplify it"],
  ["dashes", 200_000, "draws more than 200,000 dashes; make them longer"],
  ["pixels", embeddedPixelsMax, "draws more than 4,096 x 4,096 pixels of pictures; scale them down"],
  ["work", 2_000, "takes too long to draw; use fewer gradients, opacities and clips"],
];
/**
 * Work of one element, were it as large as the picture: measured as 0.17 ms for a plain colour, 1.7 ms for a translucent
 * one, 5 ms for a radial gradient, and 10 ms for a layer, which is drawn apart and put onto the others.
 */
const work = { plain: 0.2, translucent: 1.7, gradient: 5, layer: 10 };
const depthMax = 100;
/** Elements that are drawn only where others refer to them. */
const undrawn = new Set(["defs", "symbol", "clipPath", "linearGradient", "radialGradient"]);

/**
 * Throws LogoError if drawing a document would take more than the bounds. Counts an element as often as it is referred to, so
 * that a few elements that use each other cannot stand for billions; and refuses those that refer to themselves. `pixels` has the
 * pixels of embedded pictures by their data URL.
 */
export function limitCost(
  root: SvgElement,
  ids: ReadonlyMap<string, SvgElement>,
  pixels: ReadonlyMap<string, number>,
): void {
  const known = new Map<SvgElement, Cost>();
  const underWay = new Set<SvgElement>();

  function costOf(element: SvgElement, depth: number): Cost {
    const found = known.get(element);
    if (found) return found;
    if (underWay.has(element)) throw new LogoError(`has a <${element.name}> that refers to itself; remove it`);
    if (depth > depthMax)
      throw new LogoError(`nests more than ${depthMax} elements, counting references; ungroup some`);
    underWay.add(element);
    const cost = ownCost(element, pixels);
    for (const child of element.children) {
      const childCost = costOf(child, depth + 1);
      if (!undrawn.has(child.name)) add(cost, childCost);
    }
    for (const id of referencesOf(element)) {
      const target = ids.get(id);
      if (target) add(cost, costOf(target, depth + 1));
    }
    addInherited(cost, element);
    underWay.delete(element);
    known.set(element, cost);
    return cost;
  }

  const total = costOf(root, 1);
  for (const [key, max, issue] of bounds) if (total[key] > max) throw new LogoError(`${issue}, or send it as a PNG`);
}

function add(cost: Cost, other: Cost): void {
  cost.elements += other.elements;
  cost.pathLength += other.pathLength;
  cost.reach += other.reach;
  cost.dashes += other.dashes;
  cost.pixels += other.pixels;
  cost.work += other.work;
}

/** Adds what an element asks for in everything that is in it: dashes, gradients and translucent colours. */
function addInherited(cost: Cost, { attributes }: SvgElement): void {
  const period = sumOf(attributes.get("stroke-dasharray") ?? "");
  if (period > 0) cost.dashes += cost.reach / period;
  for (const [paint, opacity] of [
    ["fill", "fill-opacity"],
    ["stroke", "stroke-opacity"],
  ] as const) {
    const colour = attributes.get(paint) ?? "";
    if (referenceOf(colour) !== undefined) cost.work += work.gradient * cost.elements;
    else if (isBelowOne(attributes.get(opacity)) || /^(?:rgba|hsla|#(?:.{4}|.{8})$)|\//i.test(colour))
      cost.work += work.translucent * cost.elements;
  }
}

/** Returns the ids of the elements that are drawn with an element, apart from its children. */
function referencesOf({ name, attributes }: SvgElement): string[] {
  const href = attributes.get("href");
  const clip = referenceOf(attributes.get("clip-path") ?? "");
  return [...(href?.startsWith("#") && name !== "image" ? [href.slice(1)] : []), ...(clip === undefined ? [] : [clip])];
}

function ownCost({ name, attributes }: SvgElement, pixels: ReadonlyMap<string, number>): Cost {
  // An `svg` in another and a `symbol` cut off what is outside of their area.
  const cuts = (name === "svg" || name === "symbol") && attributes.get("overflow") !== "visible";
  const isLayer =
    cuts || referenceOf(attributes.get("clip-path") ?? "") !== undefined || isBelowOne(attributes.get("opacity"));
  const drawn = name === "image" ? work.gradient : work.plain;
  return {
    elements: 1,
    pathLength: (attributes.get("d")?.length ?? 0) + (attributes.get("points")?.length ?? 0),
    reach: reachOf(attributes),
    dashes: 0,
    pixels: name === "image" ? (pixels.get(attributes.get("href") ?? "") ?? 0) : 0,
    work: drawn + (isLayer ? work.layer : 0),
  };
}

/** Returns whether an opacity, as a number or in percent, is below 1. */
function isBelowOne(opacity: string | undefined): boolean {
  const value = Number.parseFloat(opacity ?? "1");
  return (opacity?.includes("%") ? value / 100 : value) < 1;
}

/** Returns the sum of the amounts of all numbers in a text. */
const sumOf = (text: string) =>
  (text.match(/(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/gi) ?? []).reduce((sum, number) => sum + Number(number), 0);
const outlines = ["d", "points", "x1", "y1", "x2", "y2", "r", "rx", "ry", "width", "height"];

/** A segment is no longer than the way to both of its ends, and an arc no longer than its circle. */
function reachOf(attributes: ReadonlyMap<string, string>): number {
  return outlines.reduce((sum, name) => sum + 4 * sumOf(attributes.get(name) ?? ""), 0);
}
