import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { type Column, card, printable, shortTime, table, truncate } from "./table.ts";

interface Row {
  id: string;
  name: string;
  note: string;
}
const columns: Column<Row>[] = [
  { title: "ID", of: (row) => row.id },
  { title: "NAME", of: (row) => row.name, shrinks: true },
  { title: "NOTE", of: (row) => row.note, shrinks: true },
];
const rows: Row[] = [
  { id: "aaaaaaaaaaaaaaaaaaaa", name: "東京の店舗メニュー".repeat(9), note: "short" },
  { id: "bbbbbbbbbbbbbbbbbbbb", name: "👩‍👩‍👧‍👦 family 🇩🇪".repeat(9), note: "x".repeat(200) },
  { id: "cccccccccccccccccccc", name: "Menu", note: "" },
];

describe("a table", () => {
  it("fits the terminal's width in columns of display, and cuts no id", () => {
    for (const width of [50, 80, 120]) {
      const lines = table(columns, rows, width).split("\n");
      expect(lines).toHaveLength(4);
      for (const line of lines) expect(stringWidth(line), line).toBeLessThanOrEqual(width);
      for (const { id } of rows) expect(lines.join("\n")).toContain(id);
    }
  });

  it("aligns columns behind wide characters", () => {
    const short = rows.map((row) => ({ ...row, name: truncate(row.name, 12), note: "note" }));
    const [, ...lines] = table(columns, short, 80).split("\n");
    const starts = lines.map((line) => stringWidth(line.slice(0, line.indexOf("note"))));
    expect(new Set(starts).size).toBe(1);
  });

  it("is separated by tabs and whole where stdout is no terminal", () => {
    const [head, first] = table(columns, rows, undefined).split("\n");
    expect(head).toBe("ID\tNAME\tNOTE");
    expect(first?.split("\t")).toEqual([rows[0]?.id, rows[0]?.name, "short"]);
  });

  it("without rows says so", () => {
    expect(table(columns, [], 80)).toBe("none");
  });
});

describe("text that somebody stored", () => {
  it("cannot drive the terminal: controls, line ends and turned text are escaped, letters stay", () => {
    const evil = "a\u001b[31mb\u0007\nc\td\u009be\u202ef\u2028g\u2066";
    const shown = "a\\u001b[31mb\\u0007\\u000ac\\u0009d\\u009be\\u202ef\\u2028g\\u2066";
    expect(printable(evil)).toBe(shown);
    expect(table(columns, [{ id: "1", name: evil, note: "" }], undefined)).toContain(shown);
    expect(card({ name: evil })).toBe(`name: ${shown}`);
    expect(printable("Käse 東京 👩‍👩‍👧‍👦 नमस्ते")).toBe("Käse 東京 👩‍👩‍👧‍👦 नमस्ते");
  });

  it("is cut between graphemes, never within one", () => {
    expect(truncate("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 5)).toBe("👩‍👩‍👧‍👦👩‍👩‍👧‍👦…");
    expect(truncate("e\u0301e\u0301e\u0301", 2)).toBe("e\u0301…");
    expect(truncate("abc", 3)).toBe("abc");
  });
});

describe("a card", () => {
  it("has a line for each fact that there is", () => {
    expect(card({ id: "1", owner: null, email: "a@b.c", ended: "" })).toBe("id:    1\nemail: a@b.c");
  });
});

describe("a time", () => {
  it("is short", () => {
    expect(shortTime("2026-11-25T10:00:59.123Z")).toBe("2026-11-25 10:00");
    expect(shortTime(null)).toBe("");
  });
});
