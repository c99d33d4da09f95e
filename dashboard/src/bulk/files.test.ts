import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { ApiError } from "../api.ts";
import { checkTable } from "./check.ts";
import type { MadeCode } from "./create.ts";
import { writeCsv } from "./csv.ts";
import { type ReadSymbol, zipSymbols } from "./symbols.ts";

const codesOf = (count: number): MadeCode[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `id-${index}`,
    slug: `t-${index + 1}`,
    short_url: `https://qr.example/t-${index + 1}`,
    updated_at: "now",
  }));
const encode = (value: string) => new TextEncoder().encode(value);
const quiet = { onProgress() {}, signal: new AbortController().signal };

describe("a CSV file", () => {
  it("runs no formula, and reads back as it was", async () => {
    const names = ["=1+1", "+49 123", "-5", "@home", 'a "b", c', "Café;x"];
    const blob = writeCsv(
      ["name", "url", "line"],
      names.map((name, index) => [name, "https://example.com/", index]),
      false,
    );
    const text = await blob.text();
    expect(text).not.toMatch(/^"?[=+\-@]/m);
    expect(text.split("\r\n")[1]).toBe(`"'=1+1",https://example.com/,0`);
    expect(checkTable(text).good.map(({ name }) => name)).toEqual(names);
  });

  it("begins with a byte order mark for Excel, and without one otherwise", async () => {
    const startOf = async (mark: boolean) =>
      [...new Uint8Array(await writeCsv(["é"], [], mark).arrayBuffer())].slice(0, 3);
    expect(await startOf(true)).toEqual([0xef, 0xbb, 0xbf]);
    expect(await startOf(false)).toEqual([0xc3, 0xa9, 0x0d]);
  });
});

describe("a ZIP of symbols", () => {
  it("holds each symbol in the order of the codes, and fetches a few at a time", async () => {
    let inFlight = 0;
    let inFlightSeen = 0;
    const read: ReadSymbol = async ({ slug }) => {
      inFlightSeen = Math.max(inFlightSeen, ++inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight--;
      return encode(`<svg>${slug}</svg>`.repeat(100));
    };
    const progress: number[] = [];
    const zip = await zipSymbols(codesOf(1_000), "svg", { ...quiet, read, onProgress: (done) => progress.push(done) });
    const files = unzipSync(new Uint8Array(await zip.arrayBuffer()));
    expect(Object.keys(files)).toEqual(
      codesOf(1_000).map(({ slug }, index) => `${String(index + 1).padStart(4, "0")}-${slug}.svg`),
    );
    expect(new TextDecoder().decode(files["0042-t-42.svg"])).toBe("<svg>t-42</svg>".repeat(100));
    expect(inFlightSeen).toBe(4);
    expect(progress.at(-1)).toBe(1_000);
  });

  it("asks for PNG in print size, and keeps its bytes", async () => {
    const queries: string[] = [];
    const read: ReadSymbol = async (_, query) => {
      queries.push(query);
      return Uint8Array.of(0x89, 0x50);
    };
    const zip = await zipSymbols(codesOf(2), "png", { ...quiet, read });
    const files = unzipSync(new Uint8Array(await zip.arrayBuffer()));
    expect(files).toEqual({ "0001-t-1.png": Uint8Array.of(0x89, 0x50), "0002-t-2.png": Uint8Array.of(0x89, 0x50) });
    expect(new Set(queries)).toEqual(new Set(["format=png&size=1024"]));
  });

  it("waits when the service asks it to, and fails as a whole for a symbol that cannot be had", async () => {
    let calls = 0;
    const busyOnce: ReadSymbol = async () => {
      if (calls++ === 0) throw new ApiError(429, "rate_limit", "slowly", [], 0.001);
      return encode("<svg/>");
    };
    await zipSymbols(codesOf(3), "svg", { ...quiet, read: busyOnce });
    expect(calls).toBe(4);
    const missing: ReadSymbol = async ({ slug }) => {
      if (slug === "t-2") throw new ApiError(404, "not_found", "There is no such code.");
      return encode("<svg/>");
    };
    await expect(zipSymbols(codesOf(3), "svg", { ...quiet, read: missing })).rejects.toThrow("no such code");
  });

  it("is given up when a person cancels", async () => {
    const controller = new AbortController();
    const read: ReadSymbol = async (_code, _query, signal) => {
      signal.throwIfAborted();
      return encode("<svg/>");
    };
    const onProgress = (done: number) => done === 5 && controller.abort();
    await expect(zipSymbols(codesOf(50), "svg", { read, onProgress, signal: controller.signal })).rejects.toThrow(
      "abort",
    );
  });
});
