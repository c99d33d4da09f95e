import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";
import type { Raster } from "./raster.ts";

let ready: Promise<unknown> | undefined;

async function prepare(): Promise<void> {
  const { resolve } = createRequire(import.meta.url);
  ready ??= readFile(resolve("zxing-wasm/reader/zxing_reader.wasm")).then((bytes) =>
    prepareZXingModule({
      overrides: {
        wasmBinary: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
      },
      fireImmediately: true,
    }),
  );
  await ready;
}

/** What a reader that shares no code with the encoder sees in a picture; undefined if nothing. */
export async function readSymbol({ pixels, width, height }: Raster): Promise<string | undefined> {
  await prepare();
  const image = { data: pixels, width, height } as Parameters<typeof readBarcodes>[0];
  // Many readers in use do not try a picture's negative.
  const found = await readBarcodes(image, { formats: ["QRCode"], tryInvert: false, maxNumberOfSymbols: 1 });
  return found[0]?.isValid ? found[0].text : undefined;
}
