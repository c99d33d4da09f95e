import { outlineText } from "./caption.ts";
import { drawSymbol } from "./geometry.ts";
import { normaliseLogo } from "./logos/logo.ts";
import { toPdf } from "./pdf.ts";
import { toSymbolPng } from "./png.ts";
import { readabilityIssue, sizeIssue } from "./readability.ts";
import { type Format, plainStyle, type SymbolRequest } from "./style.ts";
import { toSvg } from "./svg.ts";
import { wasmMemoryBytes } from "./wasm-memory.ts";

/** Tasks of the drawer's threads, by name. */
export type TaskName = "start" | "draw" | "checkReadability" | "checkSize" | "readLogo";

/** What a task returns, with what it took. */
export interface Done<T> {
  value: T;
  /** CPU time of this thread, in ms. */
  cpuMs: number;
  /** Memory of WebAssembly in this thread, in bytes. */
  memoryBytes: number;
}

function measured<I, T>(task: (input: I) => T | Promise<T>): (input: I) => Promise<Done<T>> {
  return async (input) => {
    const before = process.threadCpuUsage();
    const value = await task(input);
    const { user, system } = process.threadCpuUsage(before);
    return { value, cpuMs: (user + system) / 1_000, memoryBytes: wasmMemoryBytes() };
  };
}

const plainSymbol: SymbolRequest = { text: "start", style: plainStyle, logo: undefined, margin: 4, ecc: "M" };

/** Loads everything that drawings use, so that the first one takes no longer than others. */
export const start = measured(() => readabilityIssue({ ...plainSymbol, style: { ...plainStyle, caption: "start" } }));

export const checkReadability = measured((request: SymbolRequest) => readabilityIssue(request));

export const checkSize = measured((task: { request: SymbolRequest; size: number }) =>
  sizeIssue(task.request, task.size),
);

export const draw = measured(async (task: { request: SymbolRequest; format: Format; size: number }) => {
  const drawing = drawSymbol(task.request, outlineText);
  if (task.format === "pdf") return await toPdf(drawing, task.size, task.request.text);
  if (task.format === "png") return await toSymbolPng(drawing, task.size);
  return Buffer.from(toSvg(drawing, task.size));
});

export const readLogo = measured((bytes: Uint8Array) => normaliseLogo(bytes));
