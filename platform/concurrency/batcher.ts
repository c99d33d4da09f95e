import { ServiceError } from "../errors.ts";
import { itemAt } from "../item-at.ts";
import { bindContext } from "../telemetry/tracing.ts";

export interface BatcherOptions<Item, Result> {
  /** Processes a batch. Returns one result for each item, in their order; an Error as a result fails that item alone. */
  send(items: Item[], options: SendOptions<Result>): Promise<(Result | Error)[]>;
  /** Maximum number of items in a batch. */
  batchItemsMax: number;
  /** Maximum number of concurrent batches. Items that arrive meanwhile wait for the next batch. */
  inFlightMax: number;
  /** Maximum number of waiting items; a further item is rejected with UNAVAILABLE. */
  queuedItemsMax: number;
}

export interface SendOptions<Result> {
  timeoutMs: number;
  /** Returns whether the item at a place is still waited for; its deadline may pass while its batch is in flight. */
  isWaiting(place: number): boolean;
  /** Answers the item at a place now, before the rest of its batch; what `send` returns for it is ignored. */
  answer(place: number, result: Result | Error): void;
}

/** Processes one item as part of a batch. Rejects with DEADLINE_EXCEEDED after `timeoutMs`, whatever its batch does. */
export type Batcher<Item, Result> = (item: Item, options: { timeoutMs: number }) => Promise<Result>;

interface Waiting<Item, Result> {
  item: Item;
  /** Deadline on the monotonic clock, in ms. */
  expiresAt: number;
  settled: boolean;
  /** Runs the sending in the trace context of the caller. */
  inTrace: ReturnType<typeof bindContext>;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Creates a batcher, which joins the calls of one turn of the event loop into a batch.
 *
 * While the queue is empty, a call is sent at the end of its own turn, so an idle system adds no latency. While
 * `inFlightMax` batches are in flight, calls are queued, so a loaded system sends fewer and larger batches.
 */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  let queue: Waiting<Item, Result>[] = [];
  const underWay = new Set<Waiting<Item, Result>[]>();
  let scheduled = false;
  /** Single timer for all deadlines. It fires at the earliest deadline or before it. */
  let alarm: NodeJS.Timeout | undefined;
  let alarmAt = Number.POSITIVE_INFINITY;

  function watch(expiresAt: number): void {
    if (expiresAt >= alarmAt) return;
    clearTimeout(alarm);
    alarmAt = expiresAt;
    alarm = setTimeout(expire, expiresAt - performance.now());
  }

  /** Rejects items past their deadline, queued or in flight, and sets the timer for the others. */
  function expire(): void {
    alarmAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const group of [queue, ...underWay]) {
      for (const waiting of group) {
        if (waiting.settled) continue;
        if (waiting.expiresAt > now) next = Math.min(next, waiting.expiresAt);
        else {
          waiting.settled = true;
          waiting.reject(new ServiceError("DEADLINE_EXCEEDED"));
        }
      }
    }
    queue = queue.filter((waiting) => !waiting.settled);
    if (next < Number.POSITIVE_INFINITY) watch(next);
  }

  function schedule(): void {
    if (scheduled || underWay.size >= options.inFlightMax) return;
    scheduled = true;
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    while (queue.length > 0 && underWay.size < options.inFlightMax) {
      const batch = queue.splice(0, options.batchItemsMax);
      underWay.add(batch);
      void sendBatch(batch).finally(() => {
        underWay.delete(batch);
        if (queue.length > 0) schedule();
        else if (underWay.size === 0) {
          clearTimeout(alarm);
          alarmAt = Number.POSITIVE_INFINITY;
        }
      });
    }
  }

  function settle(waiting: Waiting<Item, Result>, result: Result | Error): void {
    if (waiting.settled) return;
    waiting.settled = true;
    if (result instanceof Error) waiting.reject(result);
    else waiting.resolve(result);
  }

  async function sendBatch(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const now = performance.now();
      const timeoutMs = batch.reduce((latest, waiting) => Math.max(latest, waiting.expiresAt - now), 0);
      const items = batch.map((waiting) => waiting.item);
      const isWaiting = (place: number) => batch[place]?.settled === false;
      const answer = (place: number, result: Result | Error) => settle(itemAt(batch, place), result);
      const results = await itemAt(batch, 0).inTrace(() => options.send(items, { timeoutMs, isWaiting, answer }));
      if (results.length !== batch.length) throw new Error(`sent ${batch.length} items, got ${results.length} answers`);
      for (const [place, result] of results.entries()) answer(place, result);
    } catch (error) {
      for (const waiting of batch) {
        waiting.settled = true;
        waiting.reject(error);
      }
    }
  }

  return (item, { timeoutMs }) =>
    new Promise<Result>((resolve, reject) => {
      if (!Number.isFinite(timeoutMs)) throw new TypeError(`timeoutMs must be a finite number, not ${timeoutMs}`);
      if (queue.length >= options.queuedItemsMax) {
        reject(new ServiceError("UNAVAILABLE", undefined, { cause: new Error("batch queue is full"), retryAfterS: 1 }));
        return;
      }
      const expiresAt = performance.now() + timeoutMs;
      queue.push({ item, expiresAt, settled: false, inTrace: bindContext(), resolve, reject });
      watch(expiresAt);
      schedule();
    });
}
