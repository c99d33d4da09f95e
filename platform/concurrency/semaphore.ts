import { ServiceError } from "../errors.ts";

export interface SemaphoreOptions {
  /** Slots taken at once at most, over all keys. */
  max: number;
  /** Slots of one key taken at once at most. Read at each decision, so it may change with the time. */
  keyMax?: () => number;
  /** Callers of one key that wait for a slot at most; 0 if nobody waits. */
  queueMax?: number;
}

/** A slot that is taken. Disposing of it frees it; doing so again has no effect. */
export type Slot = Disposable;

/** Limits how much goes on at once, in all and by key. */
export interface Semaphore {
  /** Takes a slot now, or returns undefined if none is free. */
  tryAcquire(key?: string): Slot | undefined;
  /**
   * Takes a slot, waiting for up to `timeoutMs` behind those of the same key who came before. Rejects with UNAVAILABLE at
   * once if too many wait, and with DEADLINE_EXCEEDED after the timeout.
   */
  acquire(key: string, options: { timeoutMs: number }): Promise<Slot>;
  /** Slots that are taken. */
  inUse(): number;
  /** Callers that wait. */
  queued(): number;
}

interface Key {
  inUse: number;
  /** Starts of those who wait, first come first. */
  queue: Set<() => void>;
}

/** Creates a semaphore. Keys that hold no slot take no memory. */
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
    keys.set(name, key);
    let isTaken = true;
    return {
      [Symbol.dispose]() {
        if (!isTaken) return;
        isTaken = false;
        inUse--;
        key.inUse--;
        startNext(key);
        if (key.inUse === 0 && key.queue.size === 0) keys.delete(name);
      },
    };
  }

  /** Starts those who wait. A slot of one key makes room for another key only where the total was what they waited for. */
  function startNext(freed: Key): void {
    startQueued(freed);
    if (queued === 0 || inUse >= max) return;
    for (const key of keys.values()) if (key.queue.size > 0) startQueued(key);
  }

  function startQueued(key: Key): void {
    for (const start of key.queue) {
      if (!hasRoom(key)) return;
      start();
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
