import { LRUCache } from "lru-cache";
import type { Clock } from "../process/clock.ts";

export interface LeasedCacheOptions<Value> {
  /** Fetches what is not kept. */
  load(key: string, options: { timeoutMs: number }): Promise<Value>;
  /** Until when, on the monotonic clock, what is kept may be used; in the past if it may not. */
  leasedUntil(): number;
  /** Entries kept at most, and as many negative ones; the one unused for longest goes first. */
  entriesMax: number;
  /** Whether an answer says that there is nothing: such answers cannot push out others, and are kept briefly. */
  isNegative(value: Value): boolean;
  /** How long a negative answer may be kept, in ms. */
  negativeLifetimeMs: number;
  /**
   * How long after the lease ran out an answer may still be given when the source cannot be asked, in ms; 0 is never.
   * An answer that was forgotten is never given.
   */
  staleMs: number;
  /** Whether an error means that the source could not be asked. */
  isUnavailable(error: unknown): boolean;
  clock: Clock;
}

/** Answers that are used under a lease. */
export interface LeasedCache<Value> {
  /** Returns the kept answer; undefined if there is none, or no lease. */
  peek(key: string): Value | undefined;
  /** The kept answer, or a fresh one. */
  get(key: string, options: { timeoutMs: number }): Promise<Value>;
  /** Forgets answers. A question about one that is under way is answered to those who wait, and not kept or joined. */
  forget(keys: string[]): void;
  /** Forgets everything, in the same way. */
  reset(): void;
  /** Entries kept now. */
  size(): number;
}

interface Entry<Value> {
  value: Value;
  learntAt: number;
}

/** A cache whose entries count only under a lease. */
export function createLeasedCache<Value>(options: LeasedCacheOptions<Value>): LeasedCache<Value> {
  const { clock } = options;
  const leased = () => clock.monotonic() < options.leasedUntil();
  const positive = new LRUCache<string, Entry<Value>>({ max: options.entriesMax });
  const negative = new LRUCache<string, Entry<Value>>({ max: options.entriesMax });
  /** Questions that may be joined, and whose answers may be kept. */
  const questions = new Map<string, { answer: Promise<Value> }>();

  function kept(key: string): Value | undefined {
    const entry = positive.get(key);
    if (entry) return entry.value;
    const none = negative.get(key);
    if (none && clock.monotonic() < none.learntAt + options.negativeLifetimeMs) return none.value;
    negative.delete(key);
    return undefined;
  }

  /** A question that others may join while the lease holds, and whose answer is kept unless it is hit meanwhile. */
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

  /** The last answer known, for when there is no other. */
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
