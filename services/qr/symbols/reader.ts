import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";
import type { Raster } from "./raster.ts";
import { withBoundedMemory } from "./wasm-memory.ts";

let ready: Promise<unknown> | undefined;

async function prepare(): Promise<void> {
  const { resolve } = createRequire(import.meta.url);
  ready ??= withBoundedMemory(async () => {
    const bytes = await readFile(resolve("zxing-wasm/reader/zxing_reader.wasm"));
    return prepareZXingModule({ overrides: { wasmBinary: new Uint8Array(bytes).buffer }, fireImmediately: true });
  });
  await ready;
}

/** Returns the text of the symbol in a picture; undefined if none is found. The reader shares no code with the encoder. */
export async function readSymbol({ pixels, width, height }: Raster): Promise<string | undefined> {
  await prepare();
  // Uses a cast, since ImageData is a browser class and the reader accepts any object with these fields.
  const image = { data: pixels, width, height } as Parameters<typeof readBarcodes>[0];
  // Many readers in use do not try the inverted picture.
  const found = await readBarcodes(image, { formats: ["QRCode"], tryInvert: false, maxNumberOfSymbols: 1 });
  return found[0]?.isValid ? found[0].text : undefined;
}
