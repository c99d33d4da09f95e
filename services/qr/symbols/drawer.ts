import { createHash } from "node:crypto";
import { Piscina } from "piscina";
import type { Closer } from "../../../platform/closer.ts";
import { Failure, type FieldIssue } from "../../../platform/errors.ts";
import type { Metrics } from "../../../platform/metrics.ts";
import type { Format, Logo, SymbolRequest } from "./style.ts";

/** To be raised whenever any drawing changes, so that no cache takes the old one for the new. */
const drawingVersion = 1;
/** Verdicts that are remembered at most. */
const verdictsMax = 10_000;

export interface Drawer {
  /** A strong validator of a picture, found without drawing it. */
  etagOf(request: SymbolRequest, format: Format, size: number): string;
  /** The bytes of a picture. Fails with INVALID_PAYLOAD, saying what to change, if the symbol cannot be read back. */
  draw(request: SymbolRequest, format: Format, size: number): Promise<Uint8Array>;
  /** What makes a symbol unreadable; undefined if nothing does. */
  judge(request: SymbolRequest): Promise<FieldIssue | undefined>;
  /** A logo from what was uploaded, or what is wrong with that. */
  readLogo(bytes: Uint8Array): Promise<Logo | { issue: string }>;
}

export interface DrawerOptions {
  threads: number;
  /** Drawings that wait for a thread at most; beyond, calls fail with UNAVAILABLE. */
  queueMax: number;
  /** How long one drawing may take before its thread is ended, in ms. */
  timeoutMs: number;
  /** Bytes of pictures that are remembered at most. */
  cacheBytesMax: number;
  closer: Closer;
  metrics: Metrics;
}

/** Draws symbols in threads of their own, so that answering calls never waits for it, and each picture once. */
export function openDrawer(options: DrawerOptions): Drawer {
  const pool = new Piscina({
    filename: new URL("worker.ts", import.meta.url).href,
    minThreads: 1,
    maxThreads: options.threads,
    maxQueue: options.queueMax,
    idleTimeout: 60_000,
  });
  options.closer.defer("drawing threads", () => pool.close({ force: false }));
  const drawn = options.metrics.counter("qr_symbols", "pictures of symbols asked for, by whether they were remembered");
  options.metrics.gauge("qr_symbols_waiting", "drawings that wait for a thread", () => pool.queueSize);

  async function run<T>(name: "draw" | "judge" | "readLogo", task: unknown): Promise<T> {
    try {
      return await pool.run(task, { name, signal: AbortSignal.timeout(options.timeoutMs) });
    } catch (error) {
      const { name: kind = "", message = "" } = error as Partial<Error>;
      if (kind === "AbortError") throw new Failure("DEADLINE_EXCEEDED", undefined, { cause: error });
      if (/queue is at limit/i.test(message))
        throw new Failure("UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 });
      throw error;
    }
  }

  const pictures = createMemo<Uint8Array>(options.cacheBytesMax, (bytes) => bytes.length);
  const verdicts = createMemo<FieldIssue | undefined>(verdictsMax, () => 1);
  const judge = (request: SymbolRequest) => verdicts.get(nameOf(request), () => run("judge", request));

  return {
    etagOf: (request, format, size) => nameOf(request, format, size),
    judge,
    async draw(request, format, size) {
      let remembered = true;
      const bytes = await pictures.get(nameOf(request, format, size), async () => {
        remembered = false;
        const issue = await judge(request);
        if (issue) throw new Failure("INVALID_PAYLOAD", `${issue.field} ${issue.issue}`, { fields: [issue] });
        return await run<Uint8Array>("draw", { request, format, size });
      });
      drawn({ remembered: String(remembered) });
      return bytes;
    },
    readLogo: (bytes) => run("readLogo", bytes),
  };
}

/** A name for everything that a result depends on. A logo's id names its picture. */
function nameOf({ text, style, margin, ecc }: SymbolRequest, ...rest: (string | number)[]): string {
  const parts = JSON.stringify([drawingVersion, text, Object.entries(style).sort(), margin, ecc, ...rest]);
  return createHash("sha256").update(parts).digest("hex").slice(0, 32);
}

/** Results by name, those used last, up to a total weight; a result that is being made is waited for, not made twice. */
function createMemo<T>(weightMax: number, weigh: (value: T) => number) {
  const values = new Map<string, T>();
  const making = new Map<string, Promise<T>>();
  let weight = 0;
  function keep(name: string, value: T): void {
    if (weigh(value) > weightMax) return;
    values.set(name, value);
    weight += weigh(value);
    for (const [oldest, other] of values) {
      if (weight <= weightMax) return;
      values.delete(oldest);
      weight -= weigh(other);
    }
  }
  return {
    async get(name: string, make: () => Promise<T>): Promise<T> {
      if (values.has(name)) {
        const value = values.get(name) as T;
        values.delete(name);
        values.set(name, value);
        return value;
      }
      const underWay = making.get(name);
      if (underWay) return underWay;
      const made = make().finally(() => making.delete(name));
      making.set(name, made);
      const value = await made;
      keep(name, value);
      return value;
    },
  };
}
