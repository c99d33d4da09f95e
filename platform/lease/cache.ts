import { LRUCache } from "lru-cache";
import type { Clock } from "../process/clock.ts";

export interface LeasedCacheOptions<Value> {
  /** Loads a value that is not cached. */
  load(key: string, options: { timeoutMs: number }): Promise<Value>;
  /** Returns the end of the lease on the monotonic clock, in ms; an instant in the past without a lease. */
  leasedUntil(): number;
  /** Maximum number of positive entries, and of negative ones. The least recently used entry is evicted first. */
  entriesMax: number;
  /** Returns whether a value is negative ("not found"). Negative values never evict others and are cached briefly. */
  isNegative(value: Value): boolean;
  /** Lifetime of a negative value, in ms. */
  negativeLifetimeMs: number;
  /**
   * Time after the end of the lease in which a cached value is still returned if its source is unavailable, in ms; 0
   * disables it. An evicted value is never returned.
   */
  staleMs: number;
  /** Returns whether an error of `load` means that the source is unavailable. */
  isUnavailable(error: unknown): boolean;
  clock: Clock;
}

/** A cache whose values are valid under a lease only. */
export interface LeasedCache<Value> {
  /** Returns the cached value; undefined without one or without a lease. */
  peek(key: string): Value | undefined;
  /** Returns the cached value, or loads it. Concurrent calls for one key share a load. */
  get(key: string, options: { timeoutMs: number }): Promise<Value>;
  /** Evicts keys. A load in flight still answers those who wait for it, but is not cached or joined. */
  forget(keys: string[]): void;
  /** Evicts all keys, in the same way. */
  reset(): void;
  /** Returns the number of entries. */
  size(): number;
}

interface Entry<Value> {
  value: Value;
  learntAt: number;
}

/** Creates a cache whose values are valid under a lease only. */
export function createLeasedCache<Value>(options: LeasedCacheOptions<Value>): LeasedCache<Value> {
  const { clock } = options;
  const leased = () => clock.monotonic() < options.leasedUntil();
  const positive = new LRUCache<string, Entry<Value>>({ max: options.entriesMax });
  const negative = new LRUCache<string, Entry<Value>>({ max: options.entriesMax });
  /** Loads in flight that may be joined and cached. */
  const questions = new Map<string, { answer: Promise<Value> }>();

  function kept(key: string): Value | undefined {
    const entry = positive.get(key);
    if (entry) return entry.value;
    const none = negative.get(key);
    if (none && clock.monotonic() < none.learntAt + options.negativeLifetimeMs) return none.value;
    negative.delete(key);
    return undefined;
  }

  /** Loads a value for all callers. It is cached if the lease still runs and the key was not evicted meanwhile. */
  function askForAll(key: string, timeoutMs: number): Promise<Value> {
    const question = {} as { answer: Promise<Value> };
    questions.set(key, question);
    question.answer = options.load(key, { timeoutMs }).then(
      (value) => {
        if (questions.get(key) === question) {
          questions.delete(key);
          if (leased()) keep(key, value);
        }
        return value;
      },
      (error) => {
        if (questions.get(key) === question) questions.delete(key);
        throw error;
      },
    );
    return question.answer;
  }

  function keep(key: string, value: Value): void {
    const isNegative = options.isNegative(value);
    (isNegative ? positive : negative).delete(key);
    (isNegative ? negative : positive).set(key, { value, learntAt: clock.monotonic() });
  }

  /** Returns the last known value if the source is unavailable and the lease ended recently; else throws `error`. */
  function stale(key: string, error: unknown): Value {
    const entry = positive.get(key);
    const recent = clock.monotonic() < options.leasedUntil() + options.staleMs;
    if (!entry || !recent || !options.isUnavailable(error)) throw error;
    return entry.value;
  }

  return {
    peek: (key) => (leased() ? kept(key) : undefined),
    async get(key, { timeoutMs }) {
      let answer: Promise<Value>;
      if (leased()) {
        const value = kept(key);
        if (value !== undefined) return value;
        answer = questions.get(key)?.answer ?? askForAll(key, timeoutMs);
      } else {
        answer = options.load(key, { timeoutMs });
      }
      if (options.staleMs === 0) return answer;
      return answer.catch((error) => stale(key, error));
    },
    forget(keys) {
      for (const key of keys) {
        positive.delete(key);
        negative.delete(key);
        questions.delete(key);
      }
    },
    reset() {
      positive.clear();
      negative.clear();
      questions.clear();
    },
    size: () => positive.size + negative.size,
  };
}
