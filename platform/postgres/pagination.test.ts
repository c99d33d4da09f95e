import { describe, expect, it } from "vitest";
import { pageSize, paginate } from "./pagination.ts";

describe("pages", () => {
  it("hold as many rows as asked for and say where the next begins", () => {
    const rows = [3, 2, 1].map((n) => ({ createdAt: new Date(n), id: String(n) }));
    expect(paginate(rows, 2, (row) => row)).toEqual({ rows: rows.slice(0, 2), next: rows[1] });
    expect(paginate(rows, 3, (row) => row)).toEqual({ rows, next: undefined });
  });

  it("have a size within bounds", () => {
    expect(pageSize(0, { fallback: 20, max: 100 })).toBe(20);
    expect(pageSize(100, { fallback: 20, max: 100 })).toBe(100);
    for (const size of [-1, 101]) expect(() => pageSize(size, { fallback: 20, max: 100 })).toThrow();
  });
});
