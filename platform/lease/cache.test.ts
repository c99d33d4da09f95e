import { describe, expect, it } from "vitest";
import { ServiceError } from "../errors.ts";
import { createLeasedCache } from "./cache.ts";

const wait = { timeoutMs: 1_000 };

function manual(overrides: { entriesMax?: number; staleMs?: number } = {}) {
  const world = { now: 0, leasedUntil: 1_000, asked: [] as string[] };
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
    isUnavailable: (error) => error instanceof ServiceError && error.reason === "UNAVAILABLE",
    clock: { now: () => world.now, monotonic: () => world.now, sleep: async () => {} },
    ...overrides,
  });
  async function learn(key: string, value: string): Promise<void> {
    const got = cache.get(key, wait);
    answers.pop()?.resolve(value);
    await got;
  }
  return { cache, world, answers, learn };
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
});
