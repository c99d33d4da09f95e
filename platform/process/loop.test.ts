import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { repeat } from "./loop.ts";

/** A loop on a clock whose pauses end at once; closes after `rounds` pauses. */
function loopOf(rounds: number, work: () => Promise<unknown>) {
  const closing = new AbortController();
  const pauses: number[] = [];
  const lines: string[] = [];
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    async sleep(ms: number) {
      pauses.push(ms);
      if (pauses.length > rounds) closing.abort();
    },
  };
  const log = pino({ messageKey: "message" }, { write: (line) => lines.push(JSON.parse(line).message) });
  let intervalMs = 0;
  const ended = repeat(
    { intervalMs: () => ++intervalMs, closing: closing.signal, clock, log, message: "work failed" },
    work,
  );
  return { ended, pauses, lines };
}

describe("a loop", () => {
  it("pauses before each run, for as long as is said then, and ends when closing", async () => {
    let runs = 0;
    const { ended, pauses, lines } = loopOf(3, async () => runs++);
    await ended;
    expect(runs).toBe(3);
    expect(pauses).toEqual([1, 2, 3, 4]);
    expect(lines).toEqual([]);
  });

  it("goes on after a run that throws, and logs it", async () => {
    let runs = 0;
    const { ended, lines } = loopOf(2, async () => {
      if (++runs === 1) throw new Error("broken");
    });
    await ended;
    expect(runs).toBe(2);
    expect(lines).toEqual(["work failed"]);
  });
});
