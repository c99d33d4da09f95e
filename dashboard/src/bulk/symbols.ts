import { Zip, ZipDeflate, ZipPassThrough } from "fflate";
import { imageUrl, readFile } from "../api.ts";
import type { MadeCode } from "./create.ts";
import { withRetries } from "./retry.ts";

export const symbolFormats = { svg: "format=svg", png: "format=png&size=1024" } as const;
export type SymbolFormat = keyof typeof symbolFormats;

/** Symbols that are fetched at the same time. */
const inFlightMax = 4;
/** Bytes that are held before they are handed to the browser, which keeps blobs where it has room. */
const heldBytesMax = 4 * 1024 * 1024;
const digitsMin = 4;

export type ReadSymbol = (code: MadeCode, query: string, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

const readSymbol: ReadSymbol = (code, query, signal) => readFile(imageUrl(code, query), signal);

/**
 * Returns a ZIP with the symbol of each code, in their order, as `0001-slug.svg`. Only a few symbols are in memory at once.
 * Throws if one of them cannot be read, or when `signal` says so: a ZIP is whole or not at all.
 */
export async function zipSymbols(
  codes: readonly MadeCode[],
  format: SymbolFormat,
  options: { onProgress(done: number): void; signal: AbortSignal; read?: ReadSymbol },
): Promise<Blob> {
  const { read = readSymbol } = options;
  // Ends the fetches that are in flight when one of them fails.
  const own = new AbortController();
  const signal = AbortSignal.any([options.signal, own.signal]);
  const held: Uint8Array<ArrayBuffer>[] = [];
  let heldBytes = 0;
  let zipped = new Blob([], { type: "application/zip" });
  let failure: Error | null = null;
  const store = () => {
    zipped = new Blob([zipped, ...held.splice(0)], { type: "application/zip" });
    heldBytes = 0;
  };
  const zip = new Zip((error, chunk) => {
    failure ??= error;
    held.push(chunk as Uint8Array<ArrayBuffer>);
    heldBytes += chunk.length;
    if (heldBytes > heldBytesMax) store();
  });

  const fetchAt = (index: number) => {
    const code = codes[index];
    const picture = code && withRetries(() => read(code, symbolFormats[format], signal), signal);
    // It is awaited in its turn; until then its failure must not count as one that nobody handles.
    picture?.catch(() => {});
    return picture;
  };
  try {
    const coming = Array.from({ length: Math.min(inFlightMax, codes.length) }, (_, index) => fetchAt(index));
    const digits = Math.max(digitsMin, String(codes.length).length);
    for (const [index, { slug }] of codes.entries()) {
      const picture = await coming.shift();
      signal.throwIfAborted();
      coming.push(fetchAt(index + inFlightMax));
      const name = `${String(index + 1).padStart(digits, "0")}-${slug}.${format}`;
      // PNG is compressed already.
      const entry = format === "svg" ? new ZipDeflate(name) : new ZipPassThrough(name);
      zip.add(entry);
      entry.push(picture as Uint8Array, true);
      if (failure) throw failure;
      options.onProgress(index + 1);
    }
    zip.end();
  } finally {
    own.abort();
  }
  store();
  return zipped;
}
