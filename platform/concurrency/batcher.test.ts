import { describe, expect, it, vi } from "vitest";
import { ServiceError } from "../errors.ts";
import { createBatcher } from "./batcher.ts";

const bounds = { batchItemsMax: 10, inFlightMax: 2, queuedItemsMax: 100 };
const wait = { timeoutMs: 1_000 };

/** A batcher whose batches are answered by hand. */
function manual(overrides: Partial<typeof bounds> = {}) {
  const batches: {
    items: number[];
    timeoutMs: number;
    isWaiting(place: number): boolean;
    answer(results: (number | Error)[]): void;
    fail(e: Error): void;
  }[] = [];
  const batch = createBatcher<number, number>({
    ...bounds,
    ...overrides,
    send: (items, { timeoutMs, isWaiting }) =>
      new Promise((resolve, reject) => batches.push({ items, timeoutMs, isWaiting, answer: resolve, fail: reject })),
  });
  return { batch, batches };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("the batcher", () => {
  it("sends what one turn of the event loop asks for as one batch, and answers each in its place", async () => {
    const { batch, batches } = manual();
    const answers = Promise.all([batch(1, wait), batch(2, wait), batch(3, wait)]);
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1, 2, 3]]);
    batches[0]?.answer([10, 20, 30]);
    expect(await answers).toEqual([10, 20, 30]);
  });

  it("lets one bad item fail alone", async () => {
    const { batch, batches } = manual();
    const outcomes = Promise.allSettled([batch(1, wait), batch(2, wait)]);
    await turn();
    batches[0]?.answer([new ServiceError("NOT_FOUND"), 20]);
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  });

  it("fails all items of a batch that fails, and none of another", async () => {
    const { batch, batches } = manual({ batchItemsMax: 1 });
    const outcomes = Promise.allSettled([batch(1, wait), batch(2, wait)]);
    await turn();
    batches[0]?.fail(new Error("lost"));
    batches[1]?.answer([20]);
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  });

  it("answers an item before the rest of its batch if the work says so, and only once", async () => {
    const rest = Promise.withResolvers<number[]>();
    const batch = createBatcher<number, number>({
      ...bounds,
      send(_items, { answer }) {
        answer(1, 20);
        return rest.promise;
      },
    });
    const [first, second] = [batch(1, wait), batch(2, wait)];
    expect(await second).toBe(20);
    rest.resolve([10, 21]);
    expect(await first).toBe(10);
  });

  it("says which items are still waited for when the time of others ran out on their way", async () => {
    const { batch, batches } = manual();
    const outcomes = Promise.allSettled([batch(1, wait), batch(2, { timeoutMs: 5 }), batch(3, wait)]);
    await turn();
    const [sent] = batches;
    await vi.waitUntil(() => sent?.isWaiting(1) === false);
    expect([0, 1, 2].map((place) => sent?.isWaiting(place))).toEqual([true, false, true]);
    sent?.answer([10, 20, 30]);
    expect((await outcomes).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("rejects all items when the answers are not as many as the questions", async () => {
    const { batch, batches } = manual();
    const outcomes = Promise.allSettled([batch(1, wait), batch(2, wait)]);
    await turn();
    batches[0]?.answer([1]);
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("keeps no more batches in flight than allowed and gathers the rest", async () => {
    const { batch, batches } = manual({ batchItemsMax: 2, inFlightMax: 1 });
    const answers = Promise.all([1, 2, 3, 4].map((item) => batch(item, wait)));
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1, 2]]);
    batches[0]?.answer([1, 2]);
    await turn();
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    batches[1]?.answer([3, 4]);
    expect(await answers).toEqual([1, 2, 3, 4]);
  });

  it("refuses an item when the queue is full", async () => {
    const { batch } = manual({ queuedItemsMax: 1 });
    void batch(1, wait).catch(() => {});
    await expect(batch(2, wait)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  });

  it("answers an item at its own deadline, and does not send it when it is over", async () => {
    const { batch, batches } = manual({ inFlightMax: 1, batchItemsMax: 1 });
    const first = batch(1, wait);
    await turn();
    await expect(batch(2, { timeoutMs: 1 })).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    const third = batch(3, wait);
    batches[0]?.answer([1]);
    await first;
    await turn();
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1], [3]]);
    batches[1]?.answer([3]);
    expect(await third).toBe(3);
  });

  it("gives a batch the latest deadline of its items", async () => {
    const { batch, batches } = manual();
    void batch(1, { timeoutMs: 50 }).catch(() => {});
    void batch(2, { timeoutMs: 5_000 }).catch(() => {});
    await turn();
    expect(batches[0]?.timeoutMs).toBeGreaterThan(4_000);
  });
});
