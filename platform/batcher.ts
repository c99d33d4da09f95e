import { Failure } from "./errors.ts";

export interface BatcherOptions<Item, Result> {
  /** Does the work of many items in one go and answers in their order; an Error in place of a result fails that item alone. */
  send(items: Item[], options: { deadlineMs: number }): Promise<(Result | Error)[]>;
  /** Items in one batch at most. */
  batchItemsMax: number;
  /** Batches on their way at once at most; what comes meanwhile gathers for the next. */
  inFlightMax: number;
  /** Items waiting to be sent at most; one more is refused with UNAVAILABLE. */
  queuedItemsMax: number;
}

/** Has one item done. Rejects with DEADLINE_EXCEEDED after `deadlineMs` milliseconds, whatever its batch does. */
export type Batcher<Item, Result> = (item: Item, options: { deadlineMs: number }) => Promise<Result>;

interface Waiting<Item, Result> {
  item: Item;
  /** On the monotonic clock. */
  expiresAt: number;
  settled: boolean;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Joins the calls that are made in one turn of the event loop into one.
 *
 * A call with nothing before it leaves at the end of its own turn, so an idle system adds no waiting. While
 * `inFlightMax` batches are under way, calls gather, so that a loaded system sends fewer, larger batches.
 */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  let queue: Waiting<Item, Result>[] = [];
  let inFlight = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || inFlight >= options.inFlightMax) return;
    scheduled = true;
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    // An item whose deadline passed while it waited has been answered already and is not worth sending.
    if (queue.some((waiting) => waiting.settled)) queue = queue.filter((waiting) => !waiting.settled);
    while (queue.length > 0 && inFlight < options.inFlightMax) {
      const batch = queue.splice(0, options.batchItemsMax);
      inFlight++;
      void sendBatch(batch).finally(() => {
        inFlight--;
        if (queue.length > 0) schedule();
      });
    }
  }

  async function sendBatch(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const now = performance.now();
      const deadlineMs = batch.reduce((latest, waiting) => Math.max(latest, waiting.expiresAt - now), 0);
      const results = await options.send(
        batch.map((waiting) => waiting.item),
        { deadlineMs },
      );
      if (results.length !== batch.length) throw new Error(`sent ${batch.length} items, got ${results.length} answers`);
      for (const [index, waiting] of batch.entries()) {
        const result = results[index] as Result | Error;
        if (result instanceof Error) waiting.reject(result);
        else waiting.resolve(result);
      }
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }

  return (item, { deadlineMs }) =>
    new Promise<Result>((resolve, reject) => {
      if (!Number.isFinite(deadlineMs)) throw new TypeError(`deadlineMs must be a finite number, not ${deadlineMs}`);
      if (queue.length >= options.queuedItemsMax) {
        reject(new Failure("UNAVAILABLE", undefined, { cause: new Error("batch queue is full"), retryAfterS: 1 }));
        return;
      }
      const timer = setTimeout(() => {
        waiting.settled = true;
        reject(new Failure("DEADLINE_EXCEEDED"));
      }, deadlineMs);
      const waiting: Waiting<Item, Result> = {
        item,
        expiresAt: performance.now() + deadlineMs,
        settled: false,
        resolve(result) {
          clearTimeout(timer);
          resolve(result);
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      };
      queue.push(waiting);
      schedule();
    });
}
