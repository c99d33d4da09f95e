/** The attributes that a sanitised logo may have, by the form of their values; everything else is dropped or refused. */

// No two repetitions that match the same text stand next to one another: such a pattern takes the square of a value's length.
const number = String.raw`[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,2})?`;
const length = `${number}(?:px|pt|pc|mm|cm|in|em|ex|%)?`;
const separator = String.raw`(?:\s*,\s*|\s+)`;
const colour = String.raw`#[0-9a-f]{3,8}|(?:rgb|hsl)a?\([\d\s.,%/+-]*(?:deg[\d\s.,%/+-]*)?\)|[a-z]+`;
const reference = String.raw`url\(\s*(?:#[^'"()\s]+|'#[^'"()\s]+'|"#[^'"()\s]+")\s*\)`;
const whole = (pattern: string) => new RegExp(`^\\s*(?:${pattern})\\s*$`, "i");

const forms = {
  length: whole(`auto|${length}`),
  lengths: whole(`none|inherit|${length}(?:${separator}${length})*`),
  numbers: /^[\s\d.,eE+-]*$/,
  path: /^[\s\d.,eE+\-MmZzLlHhVvCcSsQqTtAa]*$/,
  paint: whole(`${colour}|${reference}(?:\\s+(?:${colour}))?`),
  colour: whole(colour),
  reference: whole(`none|${reference}`),
  keyword: /^\s*[a-z-]+(?:\s+[a-z-]+)*\s*$/i,
  transform: /^(?:[\s,]*(?:matrix|translate|scale|rotate|skewX|skewY)\s*\([\s\d.,eE+-]*\))*[\s,]*$|^\s*none\s*$/,
} as const;

/** Returns the form of the values of each attribute, by name. */
function formsOf(names: Partial<Record<keyof typeof forms, string>>): Map<string, RegExp> {
  const known = new Map<string, RegExp>(Object.entries(forms));
  return new Map(
    Object.entries(names).flatMap(([form, list]) => list.split(" ").map((name) => [name, known.get(form) ?? /^$/])),
  );
}

/** Attributes that CSS may set too. */
const presentation = formsOf({
  length:
    "x y cx cy r rx ry width height opacity fill-opacity stroke-opacity stop-opacity stroke-width stroke-miterlimit stroke-dashoffset",
  lengths: "stroke-dasharray",
  paint: "fill stroke",
  colour: "stop-color color",
  reference: "clip-path",
  keyword:
    "display visibility overflow fill-rule clip-rule stroke-linecap stroke-linejoin paint-order shape-rendering image-rendering",
  transform: "transform",
});

/** Attributes that only the document itself sets. */
const own = formsOf({
  length: "x1 y1 x2 y2 fx fy fr offset",
  numbers: "points viewBox",
  path: "d",
  keyword: "gradientUnits spreadMethod clipPathUnits preserveAspectRatio",
  transform: "gradientTransform",
});

/** What changes the look in ways that are not supported, with the values that do not. */
const unsupported: [RegExp, RegExp, string][] = [
  [/^(?:filter|backdrop-filter)$/, /^none$/, "uses a filter, as for shadows and blurs; remove effects"],
  [/^mask(?:-image|-border)?$/, /^none$/, "uses a mask; clip by a path instead"],
  [/^marker(?:-start|-mid|-end)?$/, /^none$/, "uses markers, as for arrowheads; convert them to paths"],
  [/^mix-blend-mode$/, /^normal$/, "uses a blend mode; use plain colours"],
  [/^vector-effect$/, /^none$/, "uses a vector effect; convert strokes to paths"],
  [/^(?:transform-origin|transform-box|translate|rotate|scale|clip|d)$/, /^(?:auto|none)$/, "uses CSS for shapes"],
];

/** Returns what a property would change if it is not supported; undefined if it may be dropped. */
export function unsupportedIssue(name: string, value: string): string | undefined {
  return unsupported.find(([names, harmless]) => names.test(name) && !harmless.test(value.trim()))?.[2];
}

export type AttributeKind = "presentation" | "own" | "dropped";

export function kindOf(name: string): AttributeKind {
  if (presentation.has(name)) return "presentation";
  return own.has(name) ? "own" : "dropped";
}

/** Returns whether the value of a known attribute has the form of its kind. */
export function isValid(name: string, value: string): boolean {
  const form = presentation.get(name) ?? own.get(name);
  return form?.test(value) || (presentation.has(name) && value.trim() === "inherit");
}

/** Returns the id in a value like `url(#a)`; undefined if there is none. */
export function referenceOf(value: string): string | undefined {
  return /^\s*url\(\s*['"]?#([^'"()\s]+)['"]?\s*\)/i.exec(value)?.[1];
}

const pxOf: Record<string, number> = {
  "": 1,
  px: 1,
  pt: 4 / 3,
  pc: 16,
  mm: 96 / 25.4,
  cm: 96 / 2.54,
  in: 96,
  em: 16,
  ex: 8,
};

/** Returns a length in pixels; undefined for a percentage, `auto` and what is no length. */
export function toPixels(value: string | undefined): number | undefined {
  const [, amount, unit = ""] = /^\s*([+-]?[\d.]+(?:e[+-]?\d{1,2})?)([a-z]*)\s*$/i.exec(value ?? "") ?? [];
  const factor = pxOf[unit.toLowerCase()];
  return amount === undefined || factor === undefined ? undefined : Number(amount) * factor;
}
