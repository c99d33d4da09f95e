import { describe, expect, it } from "vitest";
import { createLeasedCache } from "../lease/cache.ts";
import { createMonotonic, systemClock } from "./clock.ts";

/** The clocks of a machine that tests move. */
function createMachine() {
  const clocks = { steady: 1_000, wall: 1_790_000_000_000, uptime: 500_000 };
  let uptimesRead = 0;
  const advance = (by: Partial<typeof clocks>) => {
    for (const [name, ms] of Object.entries(by)) clocks[name as keyof typeof clocks] += ms;
  };
  return {
    monotonic: createMonotonic({
      steadyMs: () => clocks.steady,
      wallMs: () => clocks.wall,
      // As /proc/uptime has it, in hundredths of a second.
      uptimeMs: () => {
        uptimesRead++;
        return Math.floor(clocks.uptime / 10) * 10;
      },
    }),
    run: (ms: number) => advance({ steady: ms, wall: ms, uptime: ms }),
    suspend: (ms: number) => advance({ wall: ms, uptime: ms }),
    setWallClock: (ms: number) => advance({ wall: ms }),
    uptimesRead: () => uptimesRead,
  };
}

describe("the monotonic clock", () => {
  it("counts what runs, without reading the uptime", () => {
    const machine = createMachine();
    const before = machine.uptimesRead();
    for (let count = 0; count < 1_000; count++) {
      machine.run(7);
      machine.monotonic();
    }
    expect(machine.monotonic()).toBe(1_000 + 7_000);
    expect(machine.uptimesRead()).toBe(before);
  });

  it("counts the time of each suspend from the first reading on", () => {
    const machine = createMachine();
    machine.suspend(60_000);
    expect(machine.monotonic()).toBe(61_000);
    machine.run(100);
    expect(machine.monotonic()).toBe(61_100);
    machine.suspend(2_000);
    machine.suspend(3_000);
    expect(machine.monotonic()).toBe(66_100);
  });

  it("does not move when the wall clock is set, forward or back", () => {
    const machine = createMachine();
    for (const ms of [3_600_000, -3_600_000, 86_400_000, -86_400_000]) {
      machine.setWallClock(ms);
      expect(machine.monotonic()).toBe(1_000);
    }
    machine.run(50);
    expect(machine.monotonic()).toBe(1_050);
  });

  it("counts a suspend after which the wall clock was also corrected", () => {
    const machine = createMachine();
    machine.suspend(10_000);
    machine.setWallClock(-800);
    expect(machine.monotonic()).toBe(11_000);
  });

  it("never decreases when the uptime follows a wall clock that is set back", () => {
    let wall = 0;
    const monotonic = createMonotonic({ steadyMs: () => 5, wallMs: () => wall, uptimeMs: () => wall });
    wall = -3_600_000;
    expect(monotonic()).toBe(5);
    wall = -3_600_000 + 4_000;
    expect(monotonic()).toBe(4_005);
  });

  it("of this machine advances with its steady clock", () => {
    const [steady, monotonic] = [performance.now(), systemClock.monotonic()];
    expect(monotonic).toBeGreaterThanOrEqual(steady);
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(monotonic);
  });
});

it("the first request after a suspend is not answered from a cache whose lease has ended meanwhile", async () => {
  const machine = createMachine();
  const loaded: string[] = [];
  const leasedUntil = machine.monotonic() + 2_000;
  const cache = createLeasedCache<string>({
    load: async (key) => {
      loaded.push(key);
      return "active";
    },
    leasedUntil: () => leasedUntil,
    entriesMax: 10,
    isNegative: () => false,
    negativeLifetimeMs: 0,
    staleMs: 0,
    loadTimeoutMs: 1_000,
    isUnavailable: () => false,
    clock: { ...systemClock, monotonic: machine.monotonic },
  });
  await cache.get("key", { timeoutMs: 100 });
  machine.run(500);
  expect(cache.peek("key")).toBe("active");
  machine.suspend(1_600);
  expect(cache.peek("key")).toBeUndefined();
  await cache.get("key", { timeoutMs: 100 });
  expect(loaded).toEqual(["key", "key"]);
});
