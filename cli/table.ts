/** How lists and single things are printed for people: within the terminal's width, and without driving the terminal. */
import stringWidth from "string-width";

const gap = "  ";
const shrunkMin = 8;

export interface Column<Row> {
  title: string;
  of(row: Row): string | number | null | undefined;
  /** May be cut where the line is too long for the terminal. */
  shrinks?: boolean;
}

/** The width of the terminal that stdout is; undefined if it is none. */
export function terminalWidth(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns || 80 : undefined;
}

/** Rows under titles: cut to a terminal's width, or separated by tabs and whole where `width` is undefined. */
export function table<Row>(columns: Column<Row>[], rows: readonly Row[], width = terminalWidth()): string {
  if (rows.length === 0) return "none";
  const cells = rows.map((row) => columns.map((column) => printable(String(column.of(row) ?? ""))));
  const lines = [columns.map(({ title }) => title), ...cells];
  if (width === undefined) return lines.map((line) => line.join("\t")).join("\n");
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => stringWidth(line[index] as string))));
  let over = widths.reduce((sum, one) => sum + one, gap.length * (columns.length - 1)) - width;
  while (over > 0) {
    // The widest column gives way first, so that all are cut alike.
    const candidates = columns.flatMap(({ shrinks }, index) =>
      shrinks && (widths[index] as number) > shrunkMin ? [index] : [],
    );
    if (candidates.length === 0) break;
    const widest = candidates.reduce((one, other) =>
      (widths[other] as number) > (widths[one] as number) ? other : one,
    );
    widths[widest] = (widths[widest] as number) - 1;
    over--;
  }
  const fit = (text: string, index: number) => {
    const cut = truncate(text, widths[index] as number);
    return cut + " ".repeat(Math.max(0, (widths[index] as number) - stringWidth(cut)));
  };
  return lines.map((line) => line.map(fit).join(gap).trimEnd()).join("\n");
}

/** Returns one line for each field. Fields that are null, undefined or empty are left out. */
export function card(facts: Record<string, string | number | null | undefined>): string {
  const shown = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const widest = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${`${name}:`.padEnd(widest + 1)} ${printable(String(value))}`).join("\n");
}

/** An instant to the minute in UTC, `2026-11-25 10:00`; empty for none. */
export function shortTime(iso: string | null | undefined): string {
  return iso ? iso.slice(0, 16).replace("T", " ") : "";
}

/** Writes what would move a cursor, colour text or turn its direction as an escape: `\u001b`. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, "0")}`;
  });
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Returns text cut to a number of columns, with … at the end if something was cut off. */
export function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let result = "";
  let used = 1;
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    result += segment;
  }
  return `${result}…`;
}
