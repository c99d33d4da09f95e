import { createHash } from "node:crypto";
import { Piscina } from "piscina";
import { type FieldIssue, isUnavailable, rejectField, ServiceError } from "../../../platform/errors.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { createGate, createShares, type DrawCaller } from "./gate.ts";
import type { Format, Logo, SymbolRequest } from "./style.ts";

/** To be raised whenever any drawing changes, so that no cache takes the old one for the new. */
const drawingVersion = 2;
/** Drawings of one account that wait or are being drawn at most, so that others get their turn. */
const perAccountMax = 50;
const heavyPerAccountMax = 8;
const logosPerAccountMax = 4;
/** Pictures wider than this take long, in pixels; and how many of them, and of logos, may wait. */
const heavySizeMin = 1_024;
const heavyWaitingMax = 20;
/** How long looking at a logo may take, in ms; the first time in a thread takes longest. */
const logoTimeoutMs = 3_000;
/** Verdicts that are remembered at most. */
const verdictsMax = 10_000;

export interface Drawer {
  /** A strong validator of a picture, found without drawing it. */
  etagOf(request: SymbolRequest, format: Format, size: number): string;
  /** The bytes of a picture. Fails with INVALID_PAYLOAD, saying what to change, if the symbol cannot be read back. */
  draw(request: SymbolRequest, format: Format, size: number, caller: DrawCaller): Promise<Uint8Array>;
  /** What makes a symbol unreadable; undefined if nothing does. */
  judge(request: SymbolRequest, caller: DrawCaller): Promise<FieldIssue | undefined>;
  /** A logo from what was uploaded, or what is wrong with that. */
  readLogo(bytes: Uint8Array, caller: DrawCaller): Promise<Logo | { issue: string }>;
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
    idleTimeout: 60_000,
  });
  const gate = createGate(options.threads, options.queueMax);
  // What takes long never has all threads, so that what is quick need not wait for it.
  const heavyGate = createGate(Math.max(1, options.threads - 1), heavyWaitingMax);
  const accounts = createShares(perAccountMax);
  const heavy = createShares(heavyPerAccountMax);
  const logos = createShares(logosPerAccountMax);
  options.closer.defer("drawing threads", () => pool.close({ force: false }));
  const drawn = options.metrics.counter("qr_symbols", "pictures of symbols asked for, by whether they were remembered");
  options.metrics.gauge("qr_symbols_waiting", "drawings that wait for a thread", gate.waiting);

  /** Has a thread do something. The time that it may take is counted from when a thread is free for it. */
  function run<T>(
    name: "draw" | "judge" | "readLogo",
    task: unknown,
    caller: DrawCaller,
    timeoutMs = options.timeoutMs,
  ) {
    return gate.pass(caller, async (): Promise<T> => {
      try {
        return await pool.run(task, { name, signal: AbortSignal.timeout(timeoutMs) });
      } catch (error) {
        if ((error as Error).name !== "AbortError") throw error;
        throw new ServiceError("DEADLINE_EXCEEDED", undefined, { cause: error });
      }
    });
  }

  const pictures = createMemo<Uint8Array>(options.cacheBytesMax, (bytes) => bytes.length);
  const verdicts = createMemo<FieldIssue | undefined>(verdictsMax, () => 1);
  const judge = (request: SymbolRequest, caller: DrawCaller) =>
    verdicts.get(nameOf(request), () => run<FieldIssue | undefined>("judge", request, caller));

  return {
    etagOf: (request, format, size) => nameOf(request, format, size),
    judge: (request, caller) => accounts.take(caller, () => judge(request, caller)),
    async draw(request, format, size, caller) {
      let remembered = true;
      const bytes = await pictures.get(nameOf(request, format, size), () => {
        remembered = false;
        return accounts.take(caller, async () => {
          const issue = await judge(request, caller);
          if (issue) rejectField(issue.field, issue.issue);
          const draw = () => run<Uint8Array>("draw", { request, format, size }, caller);
          if (format !== "png" || size <= heavySizeMin) return await draw();
          return await heavy.take(caller, () => heavyGate.pass(caller, draw));
        });
      });
      drawn({ remembered: String(remembered) });
      return bytes;
    },
    async readLogo(bytes, caller) {
      const read = () => run<Logo | { issue: string }>("readLogo", bytes, caller, logoTimeoutMs);
      try {
        return await logos.take(caller, () => heavyGate.pass(caller, read));
      } catch (error) {
        if (caller.remainingMs() <= 0 || !(error instanceof ServiceError) || error.reason !== "DEADLINE_EXCEEDED")
          throw error;
        return { issue: "takes too long to draw; send it as a PNG of at most 512 pixels" };
      }
    },
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
      // That another could not wait for it, or found no room, is no reason for this one.
      if (underWay !== undefined)
        return underWay.catch((error) => (isUnavailable(error) ? this.get(name, make) : Promise.reject(error)));
      const made = make()
        .then((value) => {
          keep(name, value);
          return value;
        })
        .finally(() => making.delete(name));
      making.set(name, made);
      return made;
    },
  };
}
