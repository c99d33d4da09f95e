import { ServiceError } from "../errors.ts";

export interface SemaphoreOptions {
  /** Maximum number of slots in use over all keys. */
  max: number;
  /** Returns the maximum number of slots in use of one key. It is called at each decision, so the limit may change. */
  keyMax?: () => number;
  /** Maximum number of waiting callers of one key; 0 (the default) disables waiting. */
  queueMax?: number;
}

/** An acquired slot. Disposing it releases it; disposing it again has no effect. */
export type Slot = Disposable;

/** Limits concurrency, in total and by key. */
export interface Semaphore {
  /** Acquires a slot at once; returns undefined if none is free. */
  tryAcquire(key?: string): Slot | undefined;
  /**
   * Acquires a slot; callers of one key wait in FIFO order, and keys take turns. Rejects with UNAVAILABLE at once if the queue of the key is
   * full, and with DEADLINE_EXCEEDED after `timeoutMs`.
   */
  acquire(key: string, options: { timeoutMs: number }): Promise<Slot>;
  /** Returns the number of slots in use. */
  inUse(): number;
  /** Returns the number of waiting callers. */
  queued(): number;
}

interface Key {
  inUse: number;
  /** Starts the waiting callers, in FIFO order. */
  queue: Set<() => void>;
}

/** Creates a semaphore. Keys without slots and without waiting callers use no memory. */
export function createSemaphore({
  max,
  keyMax = () => Number.POSITIVE_INFINITY,
  queueMax = 0,
}: SemaphoreOptions): Semaphore {
  const keys = new Map<string, Key>();
  let inUse = 0;
  let queued = 0;

  const hasRoom = (key: Key) => inUse < max && key.inUse < keyMax();

  function take(name: string, key: Key): Slot {
    inUse++;
    key.inUse++;
    // Puts the key behind all others, so that keys take turns.
    keys.delete(name);
    keys.set(name, key);
    let isTaken = true;
    return {
      [Symbol.dispose]() {
        if (!isTaken) return;
        isTaken = false;
        inUse--;
        key.inUse--;
        startQueued();
        if (key.inUse === 0 && key.queue.size === 0) keys.delete(name);
      },
    };
  }

  /** Starts waiting callers while there is room, one of each key in turn. */
  function startQueued(): void {
    for (let started = true; started && queued > 0 && inUse < max; ) {
      started = false;
      for (const key of [...keys.values()]) {
        const [start] = key.queue;
        if (!start || !hasRoom(key)) continue;
        start();
        started = true;
      }
    }
  }

  function wait(name: string, key: Key, timeoutMs: number): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        key.queue.delete(start);
        queued--;
      };
      const start = () => {
        leave();
        resolve(take(name, key));
      };
      const timer = setTimeout(() => {
        leave();
        if (key.inUse === 0 && key.queue.size === 0) keys.delete(name);
        reject(new ServiceError("DEADLINE_EXCEEDED"));
      }, timeoutMs);
      key.queue.add(start);
      keys.set(name, key);
      queued++;
    });
  }

  const keyOf = (name: string): Key => keys.get(name) ?? { inUse: 0, queue: new Set() };

  return {
    tryAcquire(name = "") {
      const key = keyOf(name);
      return hasRoom(key) ? take(name, key) : undefined;
    },
    async acquire(name, { timeoutMs }) {
      const key = keyOf(name);
      if (key.queue.size === 0 && hasRoom(key)) return take(name, key);
      if (key.queue.size < queueMax) return await wait(name, key, timeoutMs);
      throw new ServiceError("UNAVAILABLE", undefined, { retryAfterS: 1 });
    },
    inUse: () => inUse,
    queued: () => queued,
  };
}
