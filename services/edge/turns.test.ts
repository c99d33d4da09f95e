import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createTurns } from "./turns.ts";

let nowMs = 0;
let turns: ReturnType<typeof createTurns>;

/** Work that goes on until it is told to end. */
function piece(accountId: string, deadlineMs = 1_000) {
  const state = { begun: false, end: () => {}, done: Promise.resolve() as Promise<unknown> };
  const ended = new Promise<void>((resolve) => {
    state.end = resolve;
  });
  state.done = turns.run(accountId, { deadlineMs }, () => {
    state.begun = true;
    return ended;
  });
  state.done.catch(() => {});
  return state;
}
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 0;
  turns = createTurns({
    underWayMax: 2,
    waitingMax: 2,
    clock: { monotonic: () => nowMs },
    metrics: { counter: () => () => {}, duration: () => () => {}, gauge: () => {} },
  });
});
afterEach(() => vi.useRealTimers());

describe("turns", () => {
  it("leave an account that calls alone unbounded", async () => {
    const pieces = Array.from({ length: 20 }, () => piece("a"));
    await settle();
    expect(pieces.every(({ begun }) => begun)).toBe(true);
  });

  it("have an account wait beside another, first come first, and never the other", async () => {
    piece("b").end();
    const flood = Array.from({ length: 4 }, () => piece("a"));
    const other = piece("b");
    await settle();
    expect([...flood, other].map(({ begun }) => begun)).toEqual([true, true, false, false, true]);
    flood[1]?.end();
    await settle();
    expect(flood.map(({ begun }) => begun)).toEqual([true, true, true, false]);
  });

  it("let all that wait begin once the others have been away for a second", async () => {
    piece("b").end();
    const flood = Array.from({ length: 4 }, () => piece("a"));
    await settle();
    nowMs = 1_000;
    flood[0]?.end();
    await settle();
    expect(flood.every(({ begun }) => begun)).toBe(true);
  });

  it("refuse at once what finds the line full, and later what has waited too long", async () => {
    piece("b").end();
    const flood = Array.from({ length: 5 }, () => piece("a", 100));
    await expect(flood[4]?.done).rejects.toMatchObject({ reason: "UNAVAILABLE", retryAfterS: 1 });
    const late = expect(flood[3]?.done).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    await vi.advanceTimersByTimeAsync(100);
    await late;
    flood[0]?.end();
    await settle();
    expect(flood[3]?.begun).toBe(false);
    expect(piece("c").begun).toBe(true);
  });

  it("give a place back when the work fails", async () => {
    piece("b").end();
    for (let index = 0; index < 5; index++) {
      await expect(turns.run("a", { deadlineMs: 10 }, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    }
    expect(piece("a").begun).toBe(true);
  });
});
