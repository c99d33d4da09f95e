/** What is used of WebAssembly, whose types come with browsers alone. */
interface WasmMemory {
  buffer: ArrayBuffer;
}
interface WasmInstance {
  exports: Record<string, unknown>;
}
interface Wasm {
  instantiate(bytes: Uint8Array, imports?: unknown): Promise<{ instance: WasmInstance }>;
  Memory: new (...args: never) => WasmMemory;
}
declare const WebAssembly: Wasm;

const pageBytes = 65_536;
/** Maximum memory of one module, in bytes: a logo or symbol of 4,096 x 4,096 pixels takes up to 260 MiB of it. */
export const wasmBytesMax = 384 * 1_048_576;

const memories: WasmMemory[] = [];

/** Returns the memory of all modules in this thread, in bytes. It never shrinks while the thread runs. */
export function wasmMemoryBytes(): number {
  return memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}

/**
 * Runs `start`, which instantiates modules, and bounds their memory. A module that needs more traps; its thread must then
 * be replaced.
 */
export async function withBoundedMemory<T>(start: () => Promise<T>): Promise<T> {
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (bytes, imports) => {
    const result = await instantiate(setMemoryMax(bytes, wasmBytesMax / pageBytes), imports);
    const exported = Object.values(result.instance.exports);
    memories.push(...exported.filter((value) => value instanceof WebAssembly.Memory));
    return result;
  };
  try {
    return await start();
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

const headerBytes = 8;
const memorySection = 5;

/** Returns a module with another maximum of pages: https://webassembly.github.io/spec/core/binary/modules.html#memory-section */
export function setMemoryMax(module: Uint8Array, pagesMax: number): Buffer {
  for (let at = headerBytes; at < module.length; ) {
    const [id = 0] = module.subarray(at);
    const size = readUnsigned(module, at + 1);
    const end = size.next + size.value;
    if (id !== memorySection) {
      at = end;
      continue;
    }
    const count = readUnsigned(module, size.next);
    const [flags = 0] = module.subarray(count.next);
    const min = readUnsigned(module, count.next + 1);
    if (count.value !== 1 || flags > 1) throw new Error("the module has several memories, or one that threads share");
    if (min.value > pagesMax) throw new Error(`the module needs ${min.value} pages of memory`);
    const content = [1, 1, ...toUnsigned(min.value), ...toUnsigned(pagesMax)];
    const section = Uint8Array.from([memorySection, ...toUnsigned(content.length), ...content]);
    return Buffer.concat([module.subarray(0, at), section, module.subarray(end)]);
  }
  throw new Error("the module has no memory of its own");
}

/** Reads a number in LEB128. */
function readUnsigned(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0;
  for (let at = start, shift = 0; ; at++, shift += 7) {
    const [byte = 0] = bytes.subarray(at);
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next: at + 1 };
  }
}

function toUnsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...toUnsigned(Math.floor(value / 0x80))];
}
