import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock.ts";
import { Failure } from "../../platform/errors.ts";
import { createScanRecorder } from "./scan-recorder.ts";

/** A recorder whose batches are answered as told, in turn; after that, all are stored. */
function recorderWith(outcomes: (Failure | undefined)[], bufferMax = 10_000) {
  const batches: string[][] = [];
  const stored = new Set<string>();
  let id = 0;
  const recorder = createScanRecorder({
    scans: {
      async batchRecordScans({ scans = [] }: { scans?: { scanId?: string }[] }) {
        const ids = scans.map(({ scanId }) => scanId as string);
        batches.push(ids);
        const outcome = outcomes.shift();
        if (outcome) throw outcome;
        for (const one of ids) stored.add(one);
        return {} as never;
      },
    } as never,
    newScanId: () => String(id++),
    clock: systemClock,
    bufferMax,
    log: pino({ level: "silent" }),
  });
  return { recorder, batches, stored };
}

describe("the scan recorder", () => {
  it("hands in what waits when it closes, in batches of at most 1,000", async () => {
    const { recorder, batches, stored } = recorderWith([]);
    for (let scan = 0; scan < 2_500; scan++) recorder.record("c");
    await recorder.close({ deadlineMs: 5_000 });
    expect(stored.size).toBe(2_500);
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(1_000);
  });

  it("sends a batch again, under the same ids, when qr could not be reached", async () => {
    const { recorder, batches, stored } = recorderWith([new Failure("UNAVAILABLE"), new Failure("DEADLINE_EXCEEDED")]);
    recorder.record("c");
    await recorder.close({ deadlineMs: 5_000 });
    expect(batches).toEqual([["0"], ["0"], ["0"]]);
    expect(stored.size).toBe(1);
  });

  it("does not let a batch that is refused for good hold up the others", async () => {
    const { recorder, stored } = recorderWith([new Failure("INVALID_REQUEST")]);
    for (let scan = 0; scan < 1_500; scan++) recorder.record("c");
    await recorder.close({ deadlineMs: 5_000 });
    expect(stored.size).toBe(500);
  });

  it("keeps no more than its buffer holds", async () => {
    const { recorder, stored } = recorderWith([], 10);
    for (let scan = 0; scan < 15; scan++) recorder.record("c");
    await recorder.close({ deadlineMs: 5_000 });
    expect(stored.size).toBe(10);
  });
});
