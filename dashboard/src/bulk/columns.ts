import { CsvFileError } from "./file-error.ts";
import type { Line } from "./table.ts";

export const fields = ["name", "redirect_url", "slug"] as const;
export type Field = (typeof fields)[number];

/** Headings by which a column is found, the best first, in small letters with `_` between words. */
export const headings: Record<Field, readonly string[]> = {
  name: ["name", "label", "title"],
  redirect_url: ["redirect_url", "url", "target", "target_url", "link", "destination", "destination_url"],
  slug: ["slug", "short"],
};

export interface Columns {
  /** Index of each field's column; undefined where the file has none. */
  at: Record<Field, number | undefined>;
  /** The heading line; undefined for a file without one. */
  heading: Line | undefined;
  /** What columns that are not used are called. */
  ignored: string[];
}

const isUrl = (cell: string) => /^https?:\/\//i.test(cell.trim());
const normalise = (heading: string) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, "_");

/** Finds the columns by the headings in the first line; in a file without headings by where its first URL is. */
export function findColumns(first: Line): Columns {
  const names = first.cells.map(normalise);
  const find = (field: Field) => headings[field].map((heading) => names.indexOf(heading)).find((index) => index >= 0);
  const at = { name: find("name"), redirect_url: find("redirect_url"), slug: find("slug") };
  const hasHeading = at.redirect_url !== undefined || (at.name !== undefined && !first.cells.some(isUrl));
  if (!hasHeading) return columnsByPlace(first);
  const missing = (["name", "redirect_url"] as const).filter((field) => at[field] === undefined);
  if (missing.length > 0) {
    const wanted = missing.map((field) => `one for ${field} (${headings[field].join(", ")})`).join(" and ");
    throw new CsvFileError(
      `Line ${first.line} names the columns, but ${wanted} is missing. It has: ${list(first.cells)}.`,
    );
  }
  const used = new Set(Object.values(at));
  const ignored = first.cells.map((cell, index) => cell.trim() || `column ${index + 1}`);
  return { at, heading: first, ignored: ignored.filter((_, index) => !used.has(index)) };
}

/** Without headings: the first column with a URL leads, of the others the first is the name and the second the slug. */
function columnsByPlace(first: Line): Columns {
  const url = first.cells.findIndex(isUrl);
  const others = first.cells.map((_, index) => index).filter((index) => index !== url);
  if (url < 0 || others.length === 0) {
    throw new CsvFileError(
      `Line ${first.line} neither names the columns (name, redirect_url, slug) nor has a name and a URL. It has: ${list(first.cells)}.`,
    );
  }
  const [name, slug, ...ignored] = others;
  return {
    at: { name, redirect_url: url, slug },
    heading: undefined,
    ignored: ignored.map((index) => `column ${index + 1}`),
  };
}

const shownMax = 60;

const list = (cells: string[]) => {
  const shown = cells.map((cell) => `“${cell.trim()}”`).join(", ");
  return shown.length > shownMax ? `${shown.slice(0, shownMax)}…` : shown;
};
