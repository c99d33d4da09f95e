import { isUnavailable } from "../../platform/errors.ts";
import { systemClock } from "../../platform/process/clock.ts";

/** Timeout of one call, in ms: it includes drawing and reading back a batch with logos. */
export const wait = { timeoutMs: 120_000 };

/** Processes items with limited concurrency, and resolves when all are done. Starts no further item after a failure. */
export async function inParallel<T>(
  count: number,
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  let hasFailed = false;
  const worker = async () => {
    for (let next = rest.next(); !next.done && !hasFailed; next = rest.next()) {
      try {
        await work(next.value);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: count }, worker));
}

const triesMax = 8;

/** Retries a call with growing delays while a service is busy or unavailable. Only for idempotent calls. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!isUnavailable(error) || tries === triesMax) throw error;
      await systemClock.sleep(100 * 2 ** tries);
    }
  }
}

const lineMs = 5_000;

/** Reports progress on stderr: on a terminal in one line, elsewhere in a line every five seconds. */
export function createProgress(what: string, total: number): (added: number) => void {
  const isTerminal = process.stderr.isTTY;
  let done = 0;
  let saidAt = performance.now();
  return (added) => {
    done += added;
    const isDone = done >= total;
    const now = performance.now();
    if (!isDone && now - saidAt < (isTerminal ? 100 : lineMs)) return;
    saidAt = now;
    const text = `${what}: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}`;
    process.stderr.write(isTerminal ? `\r${text}${isDone ? "\n" : ""}` : `${text}\n`);
  };
}
