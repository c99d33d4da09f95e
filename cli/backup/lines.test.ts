import { describe, expect, it } from "vitest";
import { EndOfStream, LineReader } from "./lines.ts";

/** Yields the bytes of a text in chunks of the given size. */
async function* cut(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function until(lines: LineReader, last: string): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of lines.readUntil(last)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe("a reader of lines", () => {
  const rows = "a\\\\.\n\\\\.\n\n\\.x\nline\u2028end\nÜnï 🎉\n";

  it.each([1, 2, 3, 4, 5, 7, 1_000])("finds the last line and no other, in pieces of %i bytes", async (size) => {
    const lines = new LineReader(cut(`head\n${rows}\\.\n\\.\nend\n`, size));
    expect(await lines.readLine()).toBe("head");
    expect(await until(lines, "\\.")).toBe(rows);
    expect(await until(lines, "\\.")).toBe("");
    expect(await lines.readLine()).toBe("end");
    await expect(lines.readLine()).rejects.toThrow(EndOfStream);
  });

  it("fails when the stream ends before the last line", async () => {
    await expect(until(new LineReader(cut("row\n\\.", 3)), "\\.")).rejects.toThrow(EndOfStream);
  });
});
