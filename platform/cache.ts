import type { Clock } from "./clock.ts";

export interface CacheOptions<Value> {
  /** Fetches what is not kept. */
  load(key: string, options: { deadlineMs: number }): Promise<Value>;
  /** Entries kept at most; the one unused for longest goes first. */
  entriesMax: number;
  /** How long an answer may be kept, in ms. */
  lifetimeMs(value: Value): number;
  clock: Clock;
}

/** Answers kept for a while, by key. */
export interface Cache<Value> {
  /** The kept answer, or a fresh one. Callers that ask for one key at the same time share one question. */
  get(key: string, options: { deadlineMs: number }): Promise<Value>;
  /**
   * Forgets an answer. A question about it that is under way is answered to those who wait for it, but its answer is
   * not kept and nobody may join it any more: it may have been read before the change.
   */
  forget(key: string): void;
  /** Forgets everything, in the same way. */
  forgetAll(): void;
  /** Entries kept now. */
  size(): number;
}

interface Question<Value> {
  answer: Promise<Value>;
}

export function createCache<Value>(options: CacheOptions<Value>): Cache<Value> {
  const { clock } = options;
  /** In the order of last use, oldest first. */
  const entries = new Map<string, { value: Value; expiresAt: number }>();
  const questions = new Map<string, Question<Value>>();

  async function ask(key: string, question: Question<Value>, deadlineMs: number): Promise<Value> {
    try {
      const value = await options.load(key, { deadlineMs });
      if (questions.get(key) === question) keep(key, value);
      return value;
    } finally {
      if (questions.get(key) === question) questions.delete(key);
    }
  }

  function keep(key: string, value: Value): void {
    const lifetimeMs = options.lifetimeMs(value);
    if (lifetimeMs <= 0) return;
    entries.delete(key);
    entries.set(key, { value, expiresAt: clock.monotonic() + lifetimeMs });
    if (entries.size > options.entriesMax) entries.delete(entries.keys().next().value as string);
  }

  return {
    get(key, { deadlineMs }) {
      const entry = entries.get(key);
      if (entry) {
        entries.delete(key);
        if (entry.expiresAt > clock.monotonic()) {
          entries.set(key, entry);
          return Promise.resolve(entry.value);
        }
      }
      let question = questions.get(key);
      if (!question) {
        question = {} as Question<Value>;
        questions.set(key, question);
        question.answer = ask(key, question, deadlineMs);
      }
      return question.answer;
    },
    forget(key) {
      entries.delete(key);
      questions.delete(key);
    },
    forgetAll() {
      entries.clear();
      questions.clear();
    },
    size: () => entries.size,
  };
}
