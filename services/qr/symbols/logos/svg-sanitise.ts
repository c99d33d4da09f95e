import { LogoError, quote } from "./logo-error.ts";
import { limitCost } from "./svg-cost.ts";
import { type SvgElement, svgNamespace } from "./svg-document.ts";
import { cascade, createStyleWork, parseStyleSheet, type Rule, type StyleWork } from "./svg-style.ts";
import { isValid, kindOf, referenceOf, toPixels, unsupportedIssue } from "./svg-values.ts";

/** Elements that are drawn, or that others refer to. */
const containers = "svg g a switch defs symbol";
const shapes = "path rect circle ellipse line polyline polygon use image";
const definitions = "clipPath linearGradient radialGradient stop";
const kept = new Set(`${containers} ${shapes} ${definitions}`.split(" "));
/** Elements that are dropped with their content: they show nothing by themselves in a still picture. */
const dropped = new Set(
  (
    "title desc metadata style script view cursor color-profile font font-face animate animateColor animateMotion " +
    "animateTransform set discard mpath filter pattern mask marker hatch solidcolor"
  ).split(" "),
);
const advice: Record<string, string> = {
  text: "convert text to outlines (paths)",
  foreignObject: "export it as plain shapes",
};
const gradients = new Set(["linearGradient", "radialGradient"]);
const unusable = new Set([...gradients, "clipPath", "stop", "defs"]);
const viewBoxMax = 1e7;

/** A sanitised logo: only known elements and attributes, with references inside itself alone. */
export interface SanitisedSvg {
  /** Size that the file asks for, in pixels; of its viewBox, if it asks for none. */
  width: number;
  height: number;
  /** Returns the document drawn at a size, in pixels. */
  serialise(width: number, height: number): string;
}

/** Reads a picture that an SVG embeds as a data URL, and returns it as one without metadata. */
export type ReadEmbedded = (dataUrl: string) => { dataUrl: string; pixels: number };

/**
 * Returns what may be drawn of a document: known elements and attributes, styles resolved into attributes, ids replaced,
 * within the bounds of `limitCost`. Drops what shows nothing. Throws LogoError that names what changes the look and is not supported.
 */
export function sanitiseSvg(root: SvgElement, readEmbedded: ReadEmbedded): SanitisedSvg {
  const rules = styleSheetsOf(root).flatMap(parseStyleSheet);
  const droppedIds = new Map<string, string>();
  const pixels = new Map<string, number>();
  const clean = cleanElement(root, [], { rules, addWork: createStyleWork(), droppedIds, pixels, readEmbedded });
  const ids = new Map<string, SvgElement>();
  for (const element of walk(clean)) {
    const id = element.attributes.get("id");
    if (id !== undefined && !ids.has(id)) ids.set(id, element);
  }
  for (const element of walk(clean)) checkReferences(element, ids, droppedIds);
  limitCost(clean, ids, pixels);
  const names = new Map([...ids.keys()].map((id, index) => [id, `i${index}`]));
  const { width, height, viewBox } = sizeOf(clean);
  return {
    width,
    height,
    serialise(widthPx, heightPx) {
      const attributes = new Map(clean.attributes);
      attributes.set("width", String(widthPx)).set("height", String(heightPx)).set("viewBox", viewBox.join(" "));
      for (const place of ["x", "y"]) attributes.delete(place);
      const content = clean.children.map((child) => serialise(child, ids, names)).join("");
      return `<svg xmlns="${svgNamespace}" xmlns:xlink="http://www.w3.org/1999/xlink"${serialiseAttributes(attributes, names)}>${content}</svg>`;
    },
  };
}

function* walk(element: SvgElement): Generator<SvgElement> {
  yield element;
  for (const child of element.children) yield* walk(child);
}

/** Returns the texts of all style sheets that apply to a picture. */
function styleSheetsOf(root: SvgElement): string[] {
  return [...walk(root)].flatMap(({ name, text, attributes }) => {
    const type = attributes.get("type") ?? "text/css";
    return name === "style" && type.trim().toLowerCase() === "text/css" ? [text] : [];
  });
}

interface Context {
  rules: Rule[];
  addWork: StyleWork;
  /** Names of dropped elements by id, to name them where they are referred to. */
  droppedIds: Map<string, string>;
  /** Pixels of embedded pictures by their data URL. */
  pixels: Map<string, number>;
  readEmbedded: ReadEmbedded;
}

function cleanElement(element: SvgElement, ancestors: readonly SvgElement[], context: Context): SvgElement {
  const attributes = cleanAttributes(element, ancestors, context);
  const below = [...ancestors, element];
  const children = childrenOf(element).flatMap((child) => {
    if (kept.has(child.name)) return [cleanElement(child, below, context)];
    if (!dropped.has(child.name))
      throw new LogoError(
        `has a <${child.name.slice(0, 40)}>, which is not supported; ${advice[child.name] ?? "remove it"}`,
      );
    for (const { name, attributes } of walk(child)) {
      const id = attributes.get("id");
      if (id !== undefined) context.droppedIds.set(id, name);
    }
    return [];
  });
  const name = element.name === "a" || element.name === "switch" ? "g" : element.name;
  return { name, attributes, children, text: "" };
}

/** Returns the children that apply. A `switch` shows the first that asks for no extension of a program. */
function childrenOf({ name, children }: SvgElement): SvgElement[] {
  if (name !== "switch") return children;
  const shown = children.find((child) => child.name !== "foreignObject" && !child.attributes.has("requiredExtensions"));
  return shown ? [shown] : [];
}

function cleanAttributes(element: SvgElement, ancestors: readonly SvgElement[], context: Context): Map<string, string> {
  const clean = new Map<string, string>();
  const invalid = new Map<string, string>();
  const set = (name: string, value: string, isKnown: boolean) => {
    const issue = isKnown ? undefined : unsupportedIssue(name, value);
    if (issue) throw new LogoError(`${issue}, or send it as a PNG`);
    if (!isKnown || value.trim() === "") return;
    if (isValid(name, value)) clean.set(name, value.trim());
    else invalid.set(name, value);
  };
  for (const [name, value] of element.attributes) set(name, value, kindOf(name) !== "dropped");
  for (const { name, value } of cascade(element, ancestors, context.rules, context.addWork)) {
    set(name, value, kindOf(name) === "presentation");
  }
  // As in a browser, an invalid value leaves an earlier one in place.
  for (const [name, value] of invalid) {
    if (clean.has(name)) continue;
    throw new LogoError(`has ${name}=${quote(value)}, which is not supported; use a plain value, or send it as a PNG`);
  }
  const id = element.attributes.get("id");
  if (id !== undefined) clean.set("id", id);
  const href = element.attributes.get("href")?.trim();
  if (href !== undefined) cleanHref(element.name, href, clean, context);
  return clean;
}

/** Keeps a reference to another element or an embedded picture. */
function cleanHref(name: string, href: string, clean: Map<string, string>, context: Context): void {
  if (name === "image") {
    const { dataUrl, pixels } = context.readEmbedded(href);
    context.pixels.set(dataUrl, pixels);
    clean.set("href", dataUrl);
  } else if (name === "use" || gradients.has(name)) {
    if (!href.startsWith("#")) throw new LogoError(`refers to ${quote(href)} outside; put it into the file`);
    clean.set("href", href);
  }
}

/** Throws LogoError if an element refers to one that is missing, or that cannot be used there. */
function checkReferences(element: SvgElement, ids: Map<string, SvgElement>, droppedIds: Map<string, string>): void {
  const check = (id: string | undefined, what: string, allowed: (name: string) => boolean) => {
    if (id === undefined) return;
    const target = ids.get(id);
    if (target && allowed(target.name)) return;
    const name = target?.name ?? droppedIds.get(id);
    const found = name === undefined ? "which is not in it" : `a <${name}>, which is not supported there`;
    throw new LogoError(`has a ${what} that refers to ${quote(`#${id}`)}, ${found}; use plain colours and shapes`);
  };
  for (const paint of ["fill", "stroke"]) {
    check(referenceOf(element.attributes.get(paint) ?? ""), paint, (name) => gradients.has(name));
  }
  check(referenceOf(element.attributes.get("clip-path") ?? ""), "clip-path", (name) => name === "clipPath");
  const href = element.attributes.get("href");
  if (element.name === "image" || href === undefined) return;
  const isGradient = gradients.has(element.name);
  check(href.slice(1), `<${element.name}>`, (name) => (isGradient ? gradients.has(name) : !unusable.has(name)));
}

/** Returns the size of a document, and the part of its plane that it shows. */
function sizeOf({ attributes }: SvgElement): { width: number; height: number; viewBox: number[] } {
  const box = (attributes.get("viewBox") ?? "").split(/[\s,]+/).filter((part) => part !== "");
  const [x = 0, y = 0, boxWidth = 0, boxHeight = 0] = box.map(Number);
  const isBox = box.length === 4 && [x, y, boxWidth, boxHeight].every((value) => Math.abs(value) <= viewBoxMax);
  if (attributes.has("viewBox") && !(isBox && boxWidth > 0 && boxHeight > 0))
    throw new LogoError(
      `has viewBox=${quote(attributes.get("viewBox") ?? "")}; it must be four numbers up to 10 million, the last two above 0`,
    );
  const [width, height] = [toPixels(attributes.get("width")), toPixels(attributes.get("height"))];
  if (!isBox) {
    if (width === undefined || height === undefined)
      throw new LogoError("has neither a viewBox nor a width and height; set a viewBox");
    return { width, height, viewBox: [0, 0, width, height] };
  }
  const ratio = boxWidth / boxHeight;
  const viewBox = [x, y, boxWidth, boxHeight];
  return {
    width: width ?? (height === undefined ? boxWidth : height * ratio),
    height: height ?? (width === undefined ? boxHeight : width / ratio),
    viewBox,
  };
}

function serialise(element: SvgElement, ids: Map<string, SvgElement>, names: Map<string, string>): string {
  const { name, attributes, children } = element;
  const own = new Map(attributes);
  // A second element of the same id is never referred to.
  if (ids.get(attributes.get("id") ?? "") !== element) own.delete("id");
  const content = children.map((child) => serialise(child, ids, names)).join("");
  return `<${name}${serialiseAttributes(own, names)}>${content}</${name}>`;
}

function serialiseAttributes(attributes: Map<string, string>, names: Map<string, string>): string {
  return [...attributes]
    .map(([name, value]) => ` ${name === "href" ? "xlink:href" : name}="${escapeXml(rename(name, value, names))}"`)
    .join("");
}

/** Replaces an id by the name that it has in the sanitised document. */
function rename(name: string, value: string, names: Map<string, string>): string {
  if (name === "id") return names.get(value) ?? "";
  if (name === "href") return value.startsWith("#") ? `#${names.get(value.slice(1))}` : value;
  const id = referenceOf(value);
  return id === undefined ? value : value.replace(/url\([^)]*\)/i, `url(#${names.get(id)})`);
}

function escapeXml(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
