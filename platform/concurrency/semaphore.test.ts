import { describe, expect, it } from "vitest";
import { createSemaphore, type Slot } from "./semaphore.ts";

const free = (slot: Slot | undefined) => slot?.[Symbol.dispose]();
const soon = { timeoutMs: 5_000 };

describe("a semaphore", () => {
  it("gives out so many slots in all and by key, and takes each back once", () => {
    const semaphore = createSemaphore({ max: 3, keyMax: () => 2 });
    const first = semaphore.tryAcquire("a");
    expect(semaphore.tryAcquire("a")).toBeDefined();
    expect(semaphore.tryAcquire("a")).toBeUndefined();
    expect(semaphore.tryAcquire("b")).toBeDefined();
    expect(semaphore.tryAcquire("c")).toBeUndefined();
    free(first);
    free(first);
    expect(semaphore.inUse()).toBe(2);
    expect(semaphore.tryAcquire("c")).toBeDefined();
    expect(semaphore.tryAcquire("c")).toBeUndefined();
  });

  it("serves those who wait in the order of their arrival", async () => {
    const semaphore = createSemaphore({ max: 10, keyMax: () => 1, queueMax: 2 });
    const held = semaphore.tryAcquire("a");
    const order: number[] = [];
    const waiting = [1, 2].map(async (number) => {
      using _slot = await semaphore.acquire("a", soon);
      order.push(number);
    });
    await expect(semaphore.acquire("a", soon)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    expect(semaphore.queued()).toBe(2);
    free(held);
    await Promise.all(waiting);
    expect(order).toEqual([1, 2]);
    expect([semaphore.inUse(), semaphore.queued()]).toEqual([0, 0]);
  });

  it("starts another key's waiter when the total was what it waited for", async () => {
    const semaphore = createSemaphore({ max: 1, queueMax: 1 });
    const held = semaphore.tryAcquire("a");
    const waiting = semaphore.acquire("b", soon);
    free(held);
    free(await waiting);
    expect(semaphore.inUse()).toBe(0);
  });

  it("lets keys take turns, however many callers of one wait", async () => {
    const semaphore = createSemaphore({ max: 1, queueMax: 10 });
    const held = semaphore.tryAcquire("a");
    const order: string[] = [];
    const waiting = ["a", "a", "a", "b", "b", "c"].map(async (key) => {
      using _slot = await semaphore.acquire(key, soon);
      order.push(key);
    });
    free(held);
    await Promise.all(waiting);
    expect(order.join("")).toBe("abcaba");
  });

  it("refuses who waited too long, and forgets them", async () => {
    const semaphore = createSemaphore({ max: 1, queueMax: 5 });
    const held = semaphore.tryAcquire("a");
    await expect(semaphore.acquire("b", { timeoutMs: 1 })).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    expect(semaphore.queued()).toBe(0);
    free(held);
    expect(semaphore.tryAcquire("b")).toBeDefined();
  });
});
