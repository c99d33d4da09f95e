import * as csstree from "css-tree";
import { LogoError, quote } from "./logo-error.ts";
import type { SvgElement } from "./svg-document.ts";

/** Maximum number of selectors in all style sheets of a file, since each is tried with each element. */
const selectorsMax = 500;
/** Maximum number of tests of elements, and of characters that are declared for them, while styles are resolved. */
const workMax = 10_000_000;
/** Pseudo-classes of what a visitor does, which never match in a picture. */
const interactive = new Set(["hover", "active", "focus", "focus-visible", "focus-within", "visited", "target"]);
/** At-rules without effect on a picture that has no text, is not animated and not printed. */
const droppedRules = /^(?:charset|namespace|page|font-face|font-feature-values|property|(?:-\w+-)?keyframes)$/;
const otherMedia = /^(?:print|\(\s*prefers-color-scheme\s*:\s*dark\s*\))$/i;
const thisMedium = /^(?:all|screen|\(\s*prefers-color-scheme\s*:\s*light\s*\))$/i;

export interface Declaration {
  name: string;
  value: string;
  isImportant: boolean;
}

/** One element's part of a selector, and how it is related to the part before it. */
interface Compound {
  tests: ((element: SvgElement) => boolean)[];
  combinator: " " | ">" | undefined;
}

export interface Rule {
  compounds: Compound[];
  /** Ids, classes and types, as in https://www.w3.org/TR/selectors-4/#specificity-rules */
  specificity: [number, number, number];
  declarations: Declaration[];
}

/** Parses a style sheet. Throws LogoError for what is beyond selectors by type, class, id and ancestor. */
export function parseStyleSheet(text: string): Rule[] {
  const rules: Rule[] = [];
  readRules(parseCss(text, "stylesheet"), rules);
  if (rules.length > selectorsMax) throw new LogoError(`has more than ${selectorsMax} style rules; simplify it`);
  return rules;
}

/** Parses the value of a `style` attribute. */
function parseDeclarations(text: string): Declaration[] {
  return readDeclarations(parseCss(text, "declarationList"));
}

function parseCss(text: string, context: "stylesheet" | "declarationList"): csstree.CssNode {
  try {
    return csstree.parse(text, { context, parseValue: false, parseCustomProperty: false });
  } catch {
    // The parser is recursive, and does not recover from every mistake.
    throw new LogoError("has styles that cannot be read; export it with presentation attributes");
  }
}

function childrenOf(node: csstree.CssNode): csstree.CssNode[] {
  return "children" in node && node.children !== null ? [...node.children] : [];
}

function readRules(sheet: csstree.CssNode, rules: Rule[]): void {
  for (const node of childrenOf(sheet)) {
    if (node.type === "Atrule") readAtRule(node, rules);
    if (node.type !== "Rule" || node.prelude.type !== "SelectorList") continue;
    const declarations = readDeclarations(node.block);
    for (const selector of childrenOf(node.prelude)) {
      const rule = readSelector(selector);
      if (rule) rules.push({ ...rule, declarations });
    }
  }
}

function readAtRule({ name, prelude, block }: csstree.Atrule, rules: Rule[]): void {
  const about = prelude ? csstree.generate(prelude).trim() : "";
  const rule = name.toLowerCase();
  if (rule === "media" && otherMedia.test(about)) return;
  if (rule === "media" && thisMedium.test(about)) {
    if (block) readRules(block, rules);
    return;
  }
  if (droppedRules.test(rule)) return;
  if (rule === "import") throw new LogoError("refers to a style sheet outside (@import); put the styles into the file");
  throw new LogoError(
    `has the style rule ${quote(`@${name} ${about}`)}, which is not supported; export it with presentation attributes`,
  );
}

function readDeclarations(block: csstree.CssNode): Declaration[] {
  return childrenOf(block).flatMap((node) => {
    if (node.type === "Rule" || node.type === "Atrule")
      throw new LogoError("has a style rule within another; export it with presentation attributes");
    if (node.type !== "Declaration") return [];
    const value = csstree
      .generate(node.value)
      .replaceAll(/\/\*.*?(?:\*\/|$)/gs, " ")
      .trim();
    return [{ name: node.property.toLowerCase(), value, isImportant: node.important === true }];
  });
}

/** Returns the parts of a selector; undefined for one that never matches. */
function readSelector(selector: csstree.CssNode): Omit<Rule, "declarations"> | undefined {
  let compound: Compound = { tests: [], combinator: undefined };
  const compounds = [compound];
  const specificity: Rule["specificity"] = [0, 0, 0];
  for (const part of childrenOf(selector)) {
    const { tests } = compound;
    if (part.type === "Combinator" && (part.name === " " || part.name === ">")) {
      compound = { tests: [], combinator: part.name };
      compounds.push(compound);
    } else if (part.type === "TypeSelector") {
      if (part.name === "*") continue;
      tests.push(({ name }) => name === part.name);
      specificity[2]++;
    } else if (part.type === "ClassSelector") {
      tests.push((element) => classesOf(element).has(part.name));
      specificity[1]++;
    } else if (part.type === "IdSelector") {
      tests.push(({ attributes }) => attributes.get("id") === part.name);
      specificity[0]++;
    } else if (part.type === "PseudoClassSelector" && interactive.has(part.name.toLowerCase())) {
      return undefined;
    } else {
      throw new LogoError(
        `has the style rule ${quote(csstree.generate(selector))}, which is not supported; ` +
          "select elements by class, or export it with presentation attributes",
      );
    }
  }
  return { compounds, specificity };
}

const classes = new WeakMap<SvgElement, Set<string>>();

function classesOf(element: SvgElement): Set<string> {
  let found = classes.get(element);
  if (!found) {
    found = new Set((element.attributes.get("class") ?? "").split(/\s+/));
    classes.set(element, found);
  }
  return found;
}

/** Adds to the work of resolving the styles of a file. Throws LogoError above the bound. */
export type StyleWork = (units: number) => void;

export function createStyleWork(): StyleWork {
  let done = 0;
  return (units) => {
    done += units;
    if (done > workMax)
      throw new LogoError("has too many style rules for its many elements; export it with presentation attributes");
  };
}

/** Returns whether a rule selects an element with these ancestors, the root first. */
function selects(
  { compounds }: Rule,
  element: SvgElement,
  ancestors: readonly SvgElement[],
  addWork: StyleWork,
): boolean {
  const matches = (at: number, tried: SvgElement) => {
    const { tests } = compounds[at] ?? { tests: [] };
    addWork(1 + tests.length);
    return tests.every((test) => test(tried));
  };
  // Most rules end here.
  if (!matches(compounds.length - 1, element)) return false;
  if (compounds.length === 1) return true;
  const path = [...ancestors, element];
  // The positions in the path at which the compounds so far may end.
  let ends = path.flatMap((tried, at) => (matches(0, tried) ? [at] : []));
  for (let at = 1; at < compounds.length && ends.length > 0; at++) {
    const first = ends[0] ?? 0;
    const next = (position: number) =>
      compounds[at]?.combinator === ">" ? ends.includes(position - 1) : position > first;
    ends = path.flatMap((tried, position) => (next(position) && matches(at, tried) ? [position] : []));
  }
  return ends.includes(path.length - 1);
}

/**
 * Returns what the rules and an element's `style` attribute declare, in the order of the cascade, the last to win:
 * https://www.w3.org/TR/css-cascade-4/#cascading. Rules come in the order of the file.
 */
export function cascade(
  element: SvgElement,
  ancestors: readonly SvgElement[],
  rules: readonly Rule[],
  addWork: StyleWork,
): Declaration[] {
  const matching = rules
    .filter((rule) => selects(rule, element, ancestors, addWork))
    .sort(({ specificity: a }, { specificity: b }) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
    .flatMap(({ declarations }) => declarations);
  for (const { value } of matching) addWork(10 + value.length);
  const style = element.attributes.get("style");
  const declared = style === undefined ? matching : [...matching, ...parseDeclarations(style)];
  return [...declared.filter(({ isImportant }) => !isImportant), ...declared.filter(({ isImportant }) => isImportant)];
}
