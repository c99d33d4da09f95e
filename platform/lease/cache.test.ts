import { describe, expect, it } from "vitest";
import { isUnavailable, ServiceError } from "../errors.ts";
import { createLeasedCache, type LeasedCacheOptions } from "./cache.ts";

const wait = { timeoutMs: 1_000 };

function manual(overrides: Partial<LeasedCacheOptions<string>> = {}) {
  const world = { now: 0, leasedUntil: 1_000, asked: [] as string[] };
  const sleepers = new Set<{ due: number; wake(): void }>();
  const answers: { resolve(value: string): void; reject(error: Error): void }[] = [];
  const cache = createLeasedCache<string>({
    load: (key) => {
      world.asked.push(key);
      return new Promise((resolve, reject) => answers.push({ resolve, reject }));
    },
    leasedUntil: () => world.leasedUntil,
    entriesMax: 2,
    isNegative: (value) => value === "none",
    negativeLifetimeMs: 10,
    staleMs: 0,
    loadTimeoutMs: 1_000,
    isUnavailable,
    clock: {
      now: () => world.now,
      monotonic: () => world.now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const due = world.now + ms;
          sleepers.add({ due, wake: resolve });
          signal?.addEventListener("abort", () => resolve());
        }),
    },
    ...overrides,
  });
  async function learn(key: string, value: string): Promise<void> {
    const got = cache.get(key, wait);
    answers.pop()?.resolve(value);
    await got;
  }
  /** Lets time pass, and whatever waited for it happen. */
  async function pass(ms: number): Promise<void> {
    world.now += ms;
    for (const { due, wake } of sleepers) if (due <= world.now) wake();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { cache, world, answers, learn, pass };
}

describe("a leased cache", () => {
  it("keeps answers under its lease, and asks for each without one", async () => {
    const { cache, world, answers, learn } = manual();
    await learn("a", "1");
    expect(await cache.get("a", wait)).toBe("1");
    world.now = 1_000;
    const fresh = cache.get("a", wait);
    expect(world.asked).toEqual(["a", "a"]);
    answers[0]?.resolve("2");
    expect(await fresh).toBe("2");
  });

  it("lets those who ask at the same time share a question, until it is hit", async () => {
    const { cache, world, answers } = manual();
    const before = [cache.get("a", wait), cache.get("a", wait)];
    expect(world.asked).toHaveLength(1);
    cache.forget(["a"]);
    const after = cache.get("a", wait);
    expect(world.asked).toHaveLength(2);
    answers[0]?.resolve("old");
    expect(await Promise.all(before)).toEqual(["old", "old"]);
    answers[1]?.resolve("new");
    expect(await after).toBe("new");
    expect(await cache.get("a", wait)).toBe("new");
  });

  it("does not keep an answer that arrives after the lease has run out", async () => {
    const { cache, world, answers } = manual();
    const got = cache.get("a", wait);
    world.now = 1_000;
    answers[0]?.resolve("1");
    await got;
    world.leasedUntil = 2_000;
    void cache.get("a", wait);
    expect(world.asked).toHaveLength(2);
  });

  it("is bounded, drops what was unused for longest, and is not flooded by negative answers", async () => {
    const { cache, learn } = manual();
    for (const key of ["a", "b"]) await learn(key, "1");
    await cache.get("a", wait);
    await learn("c", "1");
    for (let i = 0; i < 10; i++) await learn(`none${i}`, "none");
    expect(cache.size()).toBe(4);
    expect(await cache.get("a", wait)).toBe("1");
    expect(await cache.get("c", wait)).toBe("1");
  });

  it("evicts a group with all its keys, and what was being loaded, and keeps others", async () => {
    const groupOf = (value: string) => (value === "none" ? undefined : value.split("/")[0]);
    const { cache, answers, learn } = manual({ entriesMax: 3, groupOf });
    await learn("a", "ann/1");
    await learn("b", "bob/1");
    await learn("c", "ann/2");
    const before = cache.get("d", wait);
    cache.forgetGroup("ann");
    const after = cache.get("d", wait);
    for (const [index, value] of ["ann/3", "ann/4"].entries()) answers.at(index - 2)?.resolve(value);
    expect(await Promise.all([before, after])).toEqual(["ann/3", "ann/4"]);
    expect(["a", "b", "c", "d"].map((key) => cache.peek(key))).toEqual([undefined, "bob/1", undefined, "ann/4"]);
    // A key that moved to another group, or was evicted, has left the one it was in.
    cache.forget(["b"]);
    await learn("b", "ann/5");
    cache.forgetGroup("bob");
    expect(cache.peek("b")).toBe("ann/5");
    for (const key of ["e", "f", "g"]) await learn(key, "eve/1");
    await learn("d", "eve/2");
    cache.forgetGroup("ann");
    expect(cache.peek("d")).toBe("eve/2");
  });

  it("keeps negative answers briefly", async () => {
    const { cache, world, learn } = manual();
    await learn("a", "none");
    expect(await cache.get("a", wait)).toBe("none");
    world.now = 10;
    void cache.get("a", wait);
    expect(world.asked).toHaveLength(2);
  });

  it("gives what it last knew when the source cannot be asked, for a while, and never what was forgotten", async () => {
    const { cache, world, answers, learn } = manual({ staleMs: 500 });
    await learn("a", "1");
    await learn("b", "1");
    cache.forget(["b"]);
    world.now = 1_400;
    const down = new ServiceError("UNAVAILABLE");
    const ask = (key: string, error: Error) => {
      const got = cache.get(key, wait);
      answers.at(-1)?.reject(error);
      return got;
    };
    expect(await ask("a", down)).toBe("1");
    await expect(ask("b", down)).rejects.toBe(down);
    await expect(ask("a", new ServiceError("INTERNAL_ERROR"))).rejects.toThrow();
    world.now = 1_500;
    await expect(ask("a", down)).rejects.toBe(down);
  });

  it("does not bind those who join a question to the time of the first", async () => {
    const { cache, world, answers, pass } = manual();
    const first = cache.get("a", { timeoutMs: 50 });
    const joiner = cache.get("a", wait);
    const missed = expect(first).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    await pass(50);
    await missed;
    answers[0]?.resolve("1");
    expect(await joiner).toBe("1");
    expect(world.asked).toEqual(["a"]);
  });

  it("does not keep those who join a question beyond their own time", async () => {
    const { cache, answers, pass } = manual();
    const first = cache.get("a", wait);
    const missed = expect(cache.get("a", { timeoutMs: 50 })).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    await pass(50);
    await missed;
    answers[0]?.resolve("1");
    expect(await first).toBe("1");
  });

  it("asks again for those who joined a question that failed before their time was up", async () => {
    const { cache, answers, pass } = manual();
    const down = new ServiceError("UNAVAILABLE");
    const first = cache.get("a", wait);
    const joiner = cache.get("a", wait);
    const failed = expect(first).rejects.toBe(down);
    answers[0]?.reject(down);
    await failed;
    await pass(0);
    answers[1]?.resolve("1");
    expect(await joiner).toBe("1");
  });
});

describe("while the source hangs, a cache that may give stale answers", () => {
  /** The lease has ended, and the first question has failed. */
  async function hung() {
    const made = manual({ staleMs: 5_000 });
    await made.learn("a", "1");
    await made.pass(1_000);
    const first = made.cache.get("a", wait);
    await made.pass(1_000);
    made.answers.at(-1)?.reject(new ServiceError("DEADLINE_EXCEEDED"));
    expect(await first).toBe("1");
    return made;
  }

  it("waits shortly for the next question, and not at all while that is unanswered", async () => {
    const { cache, world, pass } = await hung();
    let got: string | undefined;
    void cache.get("a", wait).then((value) => {
      got = value;
    });
    await pass(99);
    expect(got).toBeUndefined();
    await pass(1);
    expect(got).toBe("1");
    const asked = world.asked.length;
    expect(await Promise.all([cache.get("a", wait), cache.get("a", wait)])).toEqual(["1", "1"]);
    expect(world.asked).toHaveLength(asked);
  });

  it("goes on asking, and gives what the source says once it is back", async () => {
    const { cache, answers, pass } = await hung();
    const late = cache.get("a", wait);
    await pass(100);
    expect(await late).toBe("1");
    answers.at(-1)?.resolve("2");
    await pass(0);
    // Without a lease nothing is kept: this is asked again, and waited for.
    const next = cache.get("a", wait);
    await pass(900);
    answers.at(-1)?.resolve("3");
    expect(await next).toBe("3");
  });

  it("gives nobody the answer to a question that was sent before its own", async () => {
    const { cache, answers, pass } = await hung();
    const first = cache.get("a", wait);
    await pass(50);
    const second = cache.get("a", wait);
    answers.at(-2)?.resolve("2");
    expect(await first).toBe("2");
    answers.at(-1)?.resolve("3");
    expect(await second).toBe("3");
  });

  it("gives nothing that was forgotten meanwhile", async () => {
    const { cache, answers, pass } = await hung();
    const got = cache.get("a", wait);
    cache.forget(["a"]);
    await pass(100);
    answers.at(-1)?.resolve("2");
    expect(await got).toBe("2");
  });
});
