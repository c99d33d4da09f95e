import { Piscina } from "piscina";
import { ServiceError } from "../../../platform/errors.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import type { Done, TaskName } from "./worker.ts";

/** Maximum size of a thread's JavaScript heap, in MiB. */
const heapMibMax = 256;
/** Timeout of starting a thread, in which it loads WebAssembly and fonts, in ms. */
const startTimeoutMs = 20_000;
/** Time after which an idle thread ends, in ms; one is always left. */
const idleTimeoutMs = 60_000;

export interface ThreadsOptions {
  max: number;
  /** Memory of WebAssembly above which a thread is replaced after its task, in bytes: it never shrinks by itself. */
  threadBytesMax: number;
  /** Adds the CPU time that a task took to its account. A task that was ended counts with its whole time. */
  onCpuTime(accountId: string, ms: number): void;
  closer: Closer;
  metrics: Metrics;
}

type Cause = "memory" | "timeout" | "error" | "idle";

/** One thread, in a pool of its own: what ends it can hit no other task. */
interface Lane {
  pool: Piscina;
  open(): Piscina;
}

/**
 * Runs tasks of `worker.ts`, each in a thread of its own. The caller bounds how many there are at a time. A thread is replaced
 * after a timeout or an error, and when its memory has grown above `threadBytesMax`.
 */
export function openThreads({ max, threadBytesMax, onCpuTime, closer, metrics }: ThreadsOptions) {
  const replaced = metrics.counter("qr_symbol_threads_replaced", "drawing threads that were replaced, by cause");
  const lanes = Array.from({ length: max }, (_, index): Lane => {
    const open = () =>
      openPool(index === 0 ? Number.POSITIVE_INFINITY : idleTimeoutMs, () => replaced({ cause: "idle" }));
    return { pool: open(), open };
  });
  // The one that was used last comes first, so that others may end.
  const free = [...lanes].reverse();
  let isClosing = false;
  closer.defer("drawing threads", () => {
    isClosing = true;
    return Promise.all(lanes.map(({ pool }) => pool.destroy()));
  });

  const runIn = async <T>({ pool }: Lane, name: TaskName, task: unknown, timeoutMs: number): Promise<Done<T>> =>
    await pool.run(task, { name, signal: AbortSignal.timeout(timeoutMs) });

  /** Ends the thread of a lane and starts another, so that the next task finds one that is ready. */
  async function replace(lane: Lane, cause: Cause): Promise<void> {
    replaced({ cause });
    await lane.pool.destroy();
    if (isClosing) return;
    lane.pool = lane.open();
    await runIn(lane, "start", undefined, startTimeoutMs);
  }

  /** Runs a task, and replaces the thread if it is no longer fit for another. */
  async function runOrReplace<T>(lane: Lane, name: TaskName, task: unknown, timeoutMs: number): Promise<Done<T>> {
    try {
      const done = await runIn<T>(lane, name, task, timeoutMs);
      if (done.memoryBytes > threadBytesMax) await replace(lane, "memory");
      return done;
    } catch (error) {
      const isTimeout = error instanceof Error && error.name === "AbortError";
      // If no thread can be started, the next task finds none either, and fails with the reason.
      await replace(lane, isTimeout ? "timeout" : "error").catch(() => lane.pool.destroy());
      throw isTimeout ? new ServiceError("DEADLINE_EXCEEDED", undefined, { cause: error }) : error;
    }
  }

  return {
    /** Runs a task for an account. Rejects with DEADLINE_EXCEEDED after `timeoutMs`, which begins once a thread has started. */
    async run<T>(name: TaskName, task: unknown, accountId: string, timeoutMs: number): Promise<T> {
      const lane = free.pop();
      if (!lane) throw new Error("more tasks than drawing threads");
      try {
        if (lane.pool.threads.length === 0) await runOrReplace(lane, "start", undefined, startTimeoutMs);
        const startedMs = performance.now();
        let cpuMs: number | undefined;
        try {
          const done = await runOrReplace<T>(lane, name, task, timeoutMs);
          cpuMs = done.cpuMs;
          return done.value;
        } finally {
          onCpuTime(accountId, cpuMs ?? performance.now() - startedMs);
        }
      } finally {
        free.push(lane);
      }
    },
  };
}

function openPool(idleTimeout: number, onIdleError: () => void): Piscina {
  const pool = new Piscina({
    filename: new URL("worker.ts", import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout,
    resourceLimits: { maxOldGenerationSizeMb: heapMibMax },
  });
  // An error outside of a task ends the thread; the next task starts another.
  pool.on("error", onIdleError);
  return pool;
}
