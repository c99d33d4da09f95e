import sax from "sax";
import { LogoError, quote, shorten } from "./logo-error.ts";

/** An element of an SVG document, in the SVG namespace. */
export interface SvgElement {
  name: string;
  attributes: Map<string, string>;
  children: SvgElement[];
  /** Text of a `style` element; empty for others. */
  text: string;
}

export const svgNamespace = "http://www.w3.org/2000/svg";
const xlinkNamespace = "http://www.w3.org/1999/xlink";

/** Bounds of a file, before anything in it is looked at. */
const elementsMax = 10_000;
const attributesMax = 20_000;
const depthMax = 64;

/** Returns the text of an SVG file; undefined if the file is no text that begins with `<`. */
export function decodeSvg(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trimStart();
    return text.startsWith("<") ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Namespaces by prefix that an element declares, and those of the elements around it. */
interface Prefixes {
  own: ReadonlyMap<string, string>;
  above?: Prefixes;
}

/** Files that were cut from a page lack some declarations; these are what they mean. */
const usualPrefixes: Prefixes = {
  own: new Map([
    ["", svgNamespace],
    ["svg", svgNamespace],
    ["xlink", xlinkNamespace],
  ]),
};

function namespaceOf(prefix: string, prefixes: Prefixes): string | undefined {
  for (let at: Prefixes | undefined = prefixes; at; at = at.above) {
    const namespace = at.own.get(prefix);
    if (namespace !== undefined) return namespace;
  }
  return undefined;
}

/** An open element: what it became, or undefined if it is dropped, and the prefixes that hold in it. */
interface Open {
  element: SvgElement | undefined;
  prefixes: Prefixes;
}

/**
 * Parses an SVG document and returns its root. Elements and attributes of other namespaces are dropped with their
 * content. Throws LogoError if it is not well-formed, declares entities, refers to a style sheet outside, or exceeds a bound.
 */
export function parseSvg(text: string): SvgElement {
  // The types of sax lack strictEntities, which leaves the five entities of XML alone. Namespaces are resolved here, since
  // sax would compare each attribute with all before it.
  const options = { trim: false, strictEntities: true };
  const parser = sax.parser(true, options);
  const open: Open[] = [];
  const counts = { elements: 0, attributes: 0 };
  let root: SvgElement | undefined;

  parser.onerror = (error) => {
    const [reason = ""] = error.message.split("\n");
    throw new LogoError(`is not well-formed XML, line ${parser.line + 1}: ${shorten(reason)}; export it again`);
  };
  parser.ondoctype = (doctype) => {
    if (doctype.includes("["))
      throw new LogoError("declares entities in its DOCTYPE; export it without the data of the editor");
  };
  parser.onprocessinginstruction = ({ name }) => {
    if (name === "xml-stylesheet") throw new LogoError("refers to a style sheet outside; put the styles into the file");
  };
  parser.onattribute = () => {
    if (++counts.attributes > attributesMax) throw new LogoError(tooMany(attributesMax, "attributes"));
  };
  parser.onopentag = ({ name, attributes }) => {
    if (++counts.elements > elementsMax) throw new LogoError(tooMany(elementsMax, "elements"));
    if (open.length >= depthMax) throw new LogoError(`nests more than ${depthMax} elements; ungroup some`);
    const parent = open.at(-1);
    if (root && !parent) throw new LogoError("is not well-formed XML: it has two roots; export it again");
    const entries = Object.entries(attributes).map(([key, value]) => [key, String(value)] as const);
    const prefixes = prefixesOf(entries, parent?.prefixes ?? usualPrefixes);
    const { prefix, local } = split(name);
    const isSvg = namespaceOf(prefix, prefixes) === svgNamespace;
    if (!root && !isSvg) throw new LogoError(`is no SVG: its root is not in the namespace ${svgNamespace}`);
    if (!root && local !== "svg") throw new LogoError(`is no SVG: its root is ${quote(name)}; export it as SVG or PNG`);
    if (!isSvg || (parent && !parent.element)) {
      open.push({ element: undefined, prefixes });
      return;
    }
    const element = { name: local, attributes: readAttributes(entries, prefixes), children: [], text: "" };
    parent?.element?.children.push(element);
    root ??= element;
    open.push({ element, prefixes });
  };
  parser.onclosetag = () => {
    open.pop();
  };
  const addText = (part: string) => {
    const element = open.at(-1)?.element;
    if (element?.name === "style") element.text += part;
  };
  parser.ontext = addText;
  parser.oncdata = addText;
  // A file is bounded before it is parsed, so one attribute may be as long as the file.
  Object.assign(parser, { bufferCheckPosition: Number.POSITIVE_INFINITY });
  parser.write(text).close();
  if (root === undefined) throw new LogoError("is no SVG: it has no element; export it as SVG or PNG");
  return root;
}

const tooMany = (max: number, what: string) => `has more than ${max.toLocaleString("en")} ${what}; simplify it`;

function split(name: string): { prefix: string; local: string } {
  const colon = name.indexOf(":");
  return colon === -1 ? { prefix: "", local: name } : { prefix: name.slice(0, colon), local: name.slice(colon + 1) };
}

type Entries = (readonly [string, string])[];

/** Returns the prefixes that hold in an element, by those of its parent and its own declarations. */
function prefixesOf(attributes: Entries, above: Prefixes): Prefixes {
  const own = attributes.flatMap(([name, value]) => {
    if (name === "xmlns") return [["", value] as const];
    return name.startsWith("xmlns:") ? [[name.slice("xmlns:".length), value] as const] : [];
  });
  return own.length === 0 ? above : { own: new Map(own), above };
}

/** Returns the attributes without a namespace, and the `href` of XLink. */
function readAttributes(attributes: Entries, prefixes: Prefixes): Map<string, string> {
  const read = new Map<string, string>();
  for (const [name, value] of attributes) {
    const { prefix, local } = split(name);
    if (prefix === "" && name !== "xmlns") read.set(name, value);
    else if (namespaceOf(prefix, prefixes) === xlinkNamespace && local === "href" && !read.has("href"))
      read.set("href", value);
  }
  return read;
}
