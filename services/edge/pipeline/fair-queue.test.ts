import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFairQueue } from "./fair-queue.ts";

let nowMs = 0;
let queue: ReturnType<typeof createFairQueue>;

/** Creates work that runs until the test ends it. */
function piece(accountId: string, timeoutMs = 1_000) {
  const state = { begun: false, end: () => {}, done: Promise.resolve() as Promise<unknown> };
  const ended = new Promise<void>((resolve) => {
    state.end = resolve;
  });
  const run = async () => {
    using _place = await queue.acquire(accountId, { timeoutMs });
    state.begun = true;
    await ended;
  };
  state.done = run();
  state.done.catch(() => {});
  return state;
}
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 0;
  queue = createFairQueue({
    inFlightMax: 2,
    queueMax: 2,
    clock: { monotonic: () => nowMs },
    metrics: { counter: () => () => {}, duration: () => () => {}, gauge: () => {} },
  });
});
afterEach(() => vi.useRealTimers());

describe("the fair queue", () => {
  it("leaves an account that calls alone unbounded", async () => {
    const pieces = Array.from({ length: 20 }, () => piece("a"));
    await settle();
    expect(pieces.every(({ begun }) => begun)).toBe(true);
  });

  it("has an account wait beside another, first come first, and never the other", async () => {
    piece("b").end();
    const flood = Array.from({ length: 4 }, () => piece("a"));
    const other = piece("b");
    await settle();
    expect([...flood, other].map(({ begun }) => begun)).toEqual([true, true, false, false, true]);
    flood[1]?.end();
    await settle();
    expect(flood.map(({ begun }) => begun)).toEqual([true, true, true, false]);
  });

  it("lets all that wait begin once the others have been away for a second", async () => {
    piece("b").end();
    const flood = Array.from({ length: 4 }, () => piece("a"));
    await settle();
    nowMs = 1_000;
    flood[0]?.end();
    await settle();
    expect(flood.every(({ begun }) => begun)).toBe(true);
  });

  it("refuses at once what finds the queue full, and later what has waited too long", async () => {
    piece("b").end();
    const flood = Array.from({ length: 5 }, () => piece("a", 100));
    await expect(flood[4]?.done).rejects.toMatchObject({ reason: "UNAVAILABLE", retryAfterS: 1 });
    const late = expect(flood[3]?.done).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    await vi.advanceTimersByTimeAsync(100);
    await late;
    flood[0]?.end();
    await settle();
    expect(flood[3]?.begun).toBe(false);
    const other = piece("c");
    await settle();
    expect(other.begun).toBe(true);
  });

  it("gets a place back when the work fails", async () => {
    piece("b").end();
    for (let index = 0; index < 5; index++) {
      const work = async () => {
        using _place = await queue.acquire("a", { timeoutMs: 10 });
        throw new Error("no");
      };
      await expect(work()).rejects.toThrow("no");
    }
    const next = piece("a");
    await settle();
    expect(next.begun).toBe(true);
  });
});
