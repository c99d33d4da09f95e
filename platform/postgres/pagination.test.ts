import { describe, expect, it } from "vitest";
import { decodePageToken, encodePageToken, pageSize, paginate } from "./pagination.ts";

describe("page tokens", () => {
  it("come back as the position that they were made of", () => {
    const position = { createdAt: new Date("2026-11-24T10:00:00.123Z"), id: "a1B2".repeat(5) };
    expect(decodePageToken(encodePageToken(position))).toEqual(position);
    expect(decodePageToken(encodePageToken(undefined))).toBeUndefined();
  });

  it("of someone's own making are refused", () => {
    for (const token of ["!", "abc", Buffer.from("1.x'--").toString("base64url"), "zzzzzzzzzzzzzzzz"]) {
      expect(() => decodePageToken(token)).toThrowError(expect.objectContaining({ reason: "INVALID_REQUEST" }));
    }
  });
});

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
