import { LRUCache } from "lru-cache";
import { ServiceError } from "../errors.ts";
import type { Clock } from "../process/clock.ts";

export interface LeasedCacheOptions<Value> {
  /** Loads a value that is not cached. */
  load(key: string, options: { timeoutMs: number }): Promise<Value>;
  /** Timeout of a load that callers share, in ms. Each waits for it until its own deadline. */
  loadTimeoutMs: number;
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
  /** Returns the group of a value, whose keys can be evicted together; undefined if it has none. */
  groupOf?(value: Value): string | undefined;
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
  /** Evicts the keys of a group. The group of a load in flight is not known yet, so none of them is cached or joined. */
  forgetGroup(group: string): void;
  /** Evicts all keys, in the same way. */
  reset(): void;
  /** Returns the number of entries. */
  size(): number;
}

interface Entry<Value> {
  value: Value;
  learntAt: number;
}

/** How long a load is waited for while the source is known to be unavailable and a stale value is there, in ms. */
const patienceMs = 100;

/** Creates a cache whose values are valid under a lease only. */
export function createLeasedCache<Value>(options: LeasedCacheOptions<Value>): LeasedCache<Value> {
  const { clock, isUnavailable } = options;
  const leased = () => clock.monotonic() < options.leasedUntil();
  /** The keys of the positive entries by group. */
  const groups = new Map<string, Set<string>>();
  const positive = new LRUCache<string, Entry<Value>>({
    max: options.entriesMax,
    dispose: ({ value }, key) => leaveGroup(key, options.groupOf?.(value)),
  });
  const negative = new LRUCache<string, Entry<Value>>({ max: options.entriesMax });
  /** Loads in flight that may be joined and cached. */
  const questions = new Map<string, { answer: Promise<Value> }>();
  /** Whether the source was unavailable for the last load, and has granted no lease and answered nothing since. */
  let isSourceSilent = false;
  /** When loads began whose callers may stop waiting, by key. Each ends with its load. */
  const unanswered = new Map<string, number>();

  function leaveGroup(key: string, group: string | undefined): void {
    if (group === undefined) return;
    const keys = groups.get(group);
    keys?.delete(key);
    if (keys?.size === 0) groups.delete(group);
  }

  function joinGroup(key: string, group: string | undefined): void {
    if (group === undefined) return;
    const keys = groups.get(group) ?? new Set();
    groups.set(group, keys.add(key));
  }

  function kept(key: string): Value | undefined {
    const entry = positive.get(key);
    if (entry) return entry.value;
    const none = negative.get(key);
    if (none && clock.monotonic() < none.learntAt + options.negativeLifetimeMs) return none.value;
    negative.delete(key);
    return undefined;
  }

  /** Loads a value, and notes whether the source answers. */
  async function load(key: string, timeoutMs: number): Promise<Value> {
    try {
      const value = await options.load(key, { timeoutMs });
      isSourceSilent = false;
      return value;
    } catch (error) {
      isSourceSilent = isUnavailable(error);
      throw error;
    }
  }

  /** Loads a value for all callers. It is cached if the lease still runs and the key was not evicted meanwhile. */
  function askForAll(key: string): Promise<Value> {
    const question = {} as { answer: Promise<Value> };
    questions.set(key, question);
    question.answer = load(key, options.loadTimeoutMs).then(
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
    // After the entry before has left its group.
    if (!isNegative) joinGroup(key, options.groupOf?.(value));
  }

  /** Resolves to an answer; to `undefined` at a deadline if there is none until then. */
  async function until(deadline: number, answer: Promise<Value>): Promise<{ value: Value } | undefined> {
    const answered = new AbortController();
    const late = clock.sleep(deadline - clock.monotonic(), answered.signal).then(() => undefined);
    try {
      return await Promise.race([answer.then((value) => ({ value })), late]);
    } finally {
      answered.abort();
    }
  }

  /** Joins the load of others, or begins one. Loads again if the joined one fails before this caller's deadline. */
  async function getLeased(key: string, deadline: number): Promise<Value> {
    const joined = questions.get(key)?.answer;
    try {
      const got = await until(deadline, joined ?? askForAll(key));
      if (got) return got.value;
    } catch (error) {
      if (!joined || !isUnavailable(error)) throw error;
    }
    const leftMs = deadline - clock.monotonic();
    if (leftMs <= 0) throw new ServiceError("DEADLINE_EXCEEDED");
    return await getAny(key, leftMs);
  }

  /** Returns the last known value if the lease ended recently. */
  function stale(key: string): { value: Value } | undefined {
    const isRecent = clock.monotonic() < options.leasedUntil() + options.staleMs;
    return options.staleMs > 0 && isRecent ? positive.get(key) : undefined;
  }

  /**
   * Loads a value while the source is silent, and returns the last known one if the answer takes long: at once if another
   * caller's question has been unanswered for that long. The load goes on, and finds out whether the source is back. Nobody
   * gets the answer to a question that was sent before its own.
   */
  async function getImpatiently(key: string, timeoutMs: number): Promise<Value> {
    const askedAt = clock.monotonic();
    const since = unanswered.get(key);
    const known = stale(key);
    if (known && since !== undefined && askedAt - since >= patienceMs) return known.value;
    const answer = load(key, timeoutMs);
    if (since === undefined) {
      unanswered.set(key, askedAt);
      const end = () => void unanswered.delete(key);
      answer.then(end, end);
    }
    const got = await until(askedAt + patienceMs, answer);
    // The value may have been evicted meanwhile.
    return (got ?? stale(key))?.value ?? (await answer);
  }

  async function getAny(key: string, timeoutMs: number): Promise<Value> {
    if (!leased()) {
      if (isSourceSilent && stale(key)) return await getImpatiently(key, timeoutMs);
      return await load(key, timeoutMs);
    }
    isSourceSilent = false;
    return kept(key) ?? (await getLeased(key, clock.monotonic() + timeoutMs));
  }

  return {
    peek: (key) => (leased() ? kept(key) : undefined),
    async get(key, { timeoutMs }) {
      try {
        return await getAny(key, timeoutMs);
      } catch (error) {
        const known = isUnavailable(error) ? stale(key) : undefined;
        if (!known) throw error;
        return known.value;
      }
    },
    forget(keys) {
      for (const key of keys) {
        positive.delete(key);
        negative.delete(key);
        questions.delete(key);
      }
    },
    forgetGroup(group) {
      for (const key of [...(groups.get(group) ?? [])]) positive.delete(key);
      questions.clear();
    },
    reset() {
      positive.clear();
      negative.clear();
      questions.clear();
    },
    size: () => positive.size + negative.size,
  };
}
