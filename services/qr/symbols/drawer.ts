import { createHash } from "node:crypto";
import { createSemaphore, type Semaphore, type Slot } from "../../../platform/concurrency/semaphore.ts";
import { type FieldIssue, isUnavailable, rejectField, ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { createCpuBudget } from "./cpu-budget.ts";
import type { Format, Logo, SymbolRequest } from "./style.ts";
import { openThreads } from "./threads.ts";
import type { TaskName } from "./worker.ts";

/** Part of every ETag. Raise it whenever a drawing changes, so that caches fetch the new one. */
const drawingVersion = 4;
/** Maximum number of waiting and running drawings of one account, so that no account occupies every thread. */
const perAccountMax = 50;
const heavyPerAccountMax = 8;
const logosPerAccountMax = 4;
/** Width above which a drawing counts as slow, in pixels; and the maximum number of such drawings and logos that wait. */
const heavySizeMin = 1_024;
const heavyWaitingMax = 100;
/** Timeout of reading a logo, in ms. */
const logoTimeoutMs = 3_000;
/** Maximum number of cached results of readability checks. */
const verdictsMax = 10_000;
/** The longest wait for a thread, in ms. */
const waitTimeoutMs = 60_000;

/** The account that a drawing is for, and its deadline. */
export interface DrawCaller {
  accountId: string;
  /** Milliseconds until the caller's deadline, or Infinity. */
  remainingMs(): number;
}

export interface Drawer {
  /** Returns the strong ETag of a picture, without drawing it. */
  etagOf(request: SymbolRequest, format: Format, size: number): string;
  /** Returns the bytes of a picture. Throws an error that says what to change if the symbol cannot be read back. */
  draw(request: SymbolRequest, format: Format, size: number, caller: DrawCaller): Promise<Uint8Array>;
  /** Returns the cause if a symbol is unreadable, at a size if one is given; undefined if it can be read. */
  checkReadability(request: SymbolRequest, caller: DrawCaller, size?: number): Promise<FieldIssue | undefined>;
  /** Converts an uploaded file to a logo; returns the error if the file is invalid. */
  readLogo(bytes: Uint8Array, caller: DrawCaller): Promise<Logo | { issue: string }>;
}

export interface DrawerOptions {
  threads: number;
  /** Memory of WebAssembly above which a thread is replaced after its drawing, in bytes. */
  threadBytesMax: number;
  /** Maximum number of drawings that wait for a thread; beyond it, calls fail with UNAVAILABLE. */
  queueMax: number;
  /** Timeout of one drawing, in ms; its thread is ended after that. */
  timeoutMs: number;
  /** CPU time of the drawings of one account in a minute, in ms; beyond it, calls fail with RATE_LIMIT_MINUTE. */
  cpuMsPerMinuteMax: number;
  /** Maximum total size of cached pictures, in bytes. */
  cacheBytesMax: number;
  clock: Pick<Clock, "now">;
  closer: Closer;
  metrics: Metrics;
}

/** Draws symbols in threads, so that drawings block no other calls. Caches pictures. */
export function openDrawer(options: DrawerOptions): Drawer {
  const budget = createCpuBudget({ msPerMinuteMax: options.cpuMsPerMinuteMax, clock: options.clock });
  const pool = openThreads({ ...options, max: options.threads, onCpuTime: budget.add });
  // Accounts take turns, so that none waits for all that another has sent.
  const threads = createSemaphore({ max: options.threads, queueMax: options.queueMax });
  // Slow drawings never occupy every thread, so that quick ones need not wait for them.
  const heavyThreads = createSemaphore({ max: Math.max(1, options.threads - 1), queueMax: heavyWaitingMax });
  const accounts = createAccountLimit(perAccountMax);
  const heavyAccounts = createAccountLimit(heavyPerAccountMax);
  const logoAccounts = createAccountLimit(logosPerAccountMax);
  const drawn = options.metrics.counter("qr_symbols", "pictures of symbols asked for, by whether they were remembered");
  options.metrics.gauge("qr_symbols_waiting", "drawings that wait for a thread", threads.queued);

  /** Runs a task in a thread. Its timeout begins when a thread is free for it. */
  async function run<T>(name: TaskName, task: unknown, caller: DrawCaller, timeoutMs = options.timeoutMs): Promise<T> {
    budget.check(caller.accountId);
    using _thread = await acquireFor(caller, threads, options.queueMax);
    return await pool.run<T>(name, task, caller.accountId, timeoutMs);
  }

  const pictures = createMemo<Uint8Array>(options.cacheBytesMax, (bytes) => bytes.length);
  const verdicts = createMemo<FieldIssue | undefined>(verdictsMax, () => 1);
  async function checkReadability(request: SymbolRequest, caller: DrawCaller, size?: number) {
    const check = () => run<FieldIssue | undefined>("checkReadability", request, caller);
    const issue = await verdicts.get(nameOf(request), check);
    if (issue || size === undefined) return issue;
    const checkSize = () => run<FieldIssue | undefined>("checkSize", { request, size }, caller);
    return await verdicts.get(nameOf(request, size), checkSize);
  }

  return {
    etagOf: (request, format, size) => nameOf(request, format, size),
    async checkReadability(request, caller, size) {
      using _slot = acquireNow(caller, accounts);
      return await checkReadability(request, caller, size);
    },
    async draw(request, format, size, caller) {
      let remembered = true;
      const bytes = await pictures.get(nameOf(request, format, size), async () => {
        remembered = false;
        using _slot = acquireNow(caller, accounts);
        const issue = await checkReadability(request, caller, size);
        if (issue) rejectSymbol(issue);
        const draw = () => run<Uint8Array>("draw", { request, format, size }, caller);
        if (format !== "png" || size <= heavySizeMin) return await draw();
        using _heavySlot = acquireNow(caller, heavyAccounts);
        using _heavyThread = await acquireFor(caller, heavyThreads, heavyWaitingMax);
        return await draw();
      });
      drawn({ remembered: String(remembered) });
      return bytes;
    },
    async readLogo(bytes, caller) {
      try {
        using _slot = acquireNow(caller, logoAccounts);
        using _heavyThread = await acquireFor(caller, heavyThreads, heavyWaitingMax);
        return await run<Logo | { issue: string }>("readLogo", bytes, caller, logoTimeoutMs);
      } catch (error) {
        const isTrap = error instanceof Error && error.name === "RuntimeError";
        if (isTrap) return { issue: "takes too much memory to draw; send it as a PNG of at most 512 pixels" };
        const isTimeout = error instanceof ServiceError && error.reason === "DEADLINE_EXCEEDED";
        if (!isTimeout || caller.remainingMs() <= 0) throw error;
        return { issue: "takes too long to draw; send it as a PNG of at most 512 pixels" };
      }
    },
  };
}

/** Creates the limit of concurrent drawings for one account, so that no account occupies every thread. */
function createAccountLimit(keyMax: number): Semaphore {
  return createSemaphore({ max: Number.POSITIVE_INFINITY, keyMax: () => keyMax });
}

/** Acquires a slot of the caller's account. Throws UNAVAILABLE if the account has none left. */
function acquireNow({ accountId }: DrawCaller, limit: Semaphore): Slot {
  const slot = limit.tryAcquire(accountId);
  if (slot) return slot;
  throw new ServiceError("UNAVAILABLE", "Too much of this account is being drawn.", { retryAfterS: 1 });
}

/** Acquires a slot; waits for it until the caller's deadline, unless `queueMax` callers of all accounts wait already. */
async function acquireFor(
  { accountId, remainingMs }: DrawCaller,
  semaphore: Semaphore,
  queueMax: number,
): Promise<Slot> {
  if (remainingMs() <= 0) throw new ServiceError("DEADLINE_EXCEEDED");
  if (semaphore.queued() >= queueMax) throw new ServiceError("UNAVAILABLE", undefined, { retryAfterS: 1 });
  return await semaphore.acquire(accountId, { timeoutMs: Math.min(remainingMs(), waitTimeoutMs) });
}

/** Throws INVALID_PAYLOAD that names a field of a style, or INVALID_REQUEST that names a parameter of its drawing. */
function rejectSymbol({ field, issue }: FieldIssue): never {
  if (field.startsWith("style")) return rejectField(field, issue);
  throw new ServiceError("INVALID_REQUEST", `${field} ${issue}`, { fields: [{ field, issue }] });
}

/** Returns whether an error concerns the caller alone, so that another may succeed with the same drawing. */
function isOwnLimit(error: unknown): boolean {
  return isUnavailable(error) || (error instanceof ServiceError && error.reason === "RATE_LIMIT_MINUTE");
}

/** Returns a hash of all inputs of a result. A logo is represented by its id. */
function nameOf({ text, style, margin, ecc }: SymbolRequest, ...rest: (string | number)[]): string {
  const parts = JSON.stringify([drawingVersion, text, Object.entries(style).sort(), margin, ecc, ...rest]);
  return createHash("sha256").update(parts).digest("hex").slice(0, 32);
}

/** Caches the most recently used results, up to a total weight. Concurrent calls for one result share its computation. */
function createMemo<T>(weightMax: number, weigh: (value: T) => number) {
  const values = new Map<string, { value: T }>();
  const making = new Map<string, Promise<T>>();
  let weight = 0;
  function keep(name: string, value: T): void {
    if (weigh(value) > weightMax) return;
    values.set(name, { value });
    weight += weigh(value);
    for (const [oldest, other] of values) {
      if (weight <= weightMax) return;
      values.delete(oldest);
      weight -= weigh(other.value);
    }
  }
  return {
    async get(name: string, make: () => Promise<T>): Promise<T> {
      const known = values.get(name);
      if (known) {
        values.delete(name);
        values.set(name, known);
        return known.value;
      }
      const underWay = making.get(name);
      // If another caller failed for lack of a slot or time, this one tries itself.
      if (underWay !== undefined)
        return underWay.catch((error) => (isOwnLimit(error) ? this.get(name, make) : Promise.reject(error)));
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
