import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { setMemoryMax } from "./wasm-memory.ts";

interface Module {
  instantiate(bytes: Uint8Array): Promise<{ instance: { exports: { memory: { grow(pages: number): number } } } }>;
  validate(bytes: Uint8Array): boolean;
}
declare const WebAssembly: Module;
const header = Buffer.from("0061736d01000000", "hex");
const exported = Buffer.from("070a01066d656d6f72790200", "hex");

describe("the memory of a WebAssembly module", () => {
  for (const [name, section] of [
    ["without a maximum", "0503010001"],
    ["with a maximum", "05060101018080 02".replaceAll(" ", "")],
  ] as const) {
    it(`never grows above the bound: a module ${name}`, async () => {
      const module = Buffer.concat([header, Buffer.from(section, "hex"), exported]);
      const { memory } = (await WebAssembly.instantiate(setMemoryMax(module, 300))).instance.exports;
      expect(memory.grow(298)).toBeGreaterThan(0);
      expect(() => memory.grow(2)).toThrow(RangeError);
    });
  }

  for (const file of ["@resvg/resvg-wasm/index_bg.wasm", "zxing-wasm/reader/zxing_reader.wasm"]) {
    it(`is bounded in ${file}, which stays valid`, () => {
      const module = readFileSync(createRequire(import.meta.url).resolve(file));
      const bounded = setMemoryMax(module, 6_144);
      expect(WebAssembly.validate(bounded)).toBe(true);
      expect(bounded.equals(module)).toBe(false);
    });
  }
});
