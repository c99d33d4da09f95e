import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Closer, createCloser } from "../../../platform/process/closer.ts";
import { createLogger } from "../../../platform/telemetry/log.ts";
import { made } from "../../../test/cases/hostile-logos/make.ts";
import { type Drawer, type DrawerOptions, openDrawer } from "./drawer.ts";
import { plainStyle, type SymbolRequest } from "./style.ts";

let closer: Closer;
let counted: Record<string, number>;
let nowMs = 0;

beforeEach(() => {
  closer = createCloser(createLogger({ service: "test", level: "silent" }));
  counted = {};
});
afterEach(() => closer.close());

function open(options: Partial<DrawerOptions> = {}): Drawer {
  return openDrawer({
    threads: 1,
    threadBytesMax: 160 * 1_048_576,
    queueMax: 500,
    timeoutMs: 10_000,
    cpuMsPerMinuteMax: 60_000,
    cacheBytesMax: 0,
    clock: { now: () => nowMs },
    closer,
    metrics: {
      counter: () => (labels) => {
        const name = JSON.stringify(labels);
        counted[name] = (counted[name] ?? 0) + 1;
      },
      duration: () => () => {},
      gauge: () => {},
    },
    ...options,
  });
}

const of = (accountId: string) => ({ accountId, remainingMs: () => 60_000 });
const symbol = (text: string): SymbolRequest => ({ text, style: plainStyle, logo: undefined, margin: 4, ecc: "M" });
const file = (name: string) => readFileSync(new URL(`../../../test/cases/${name}`, import.meta.url));
/** Returns a logo of 60 pictures in each other, of 1 MiB each. */
const layers = () => made["opacity-nested.svg"]?.() ?? Buffer.alloc(0);

describe("drawings", { timeout: 60_000 }, () => {
  it("of accounts take turns, however many one of them has sent", async () => {
    const drawer = open();
    const order: string[] = [];
    const draw = async (accountId: string, index: number) => {
      await drawer.draw(symbol(`https://${accountId}.example/${index}`), "svg", 128, of(accountId));
      order.push(accountId);
    };
    const flood = Array.from({ length: 20 }, (_, index) => draw("flood", index));
    await draw("other", 0);
    // The drawing of another account waits for its reading back and for itself, each behind one of the flood's at most.
    expect(order.length).toBeLessThanOrEqual(6);
    await Promise.all(flood);
  });

  it("that take too long end their thread, and those of others go on in the next", async () => {
    const drawer = open({ timeoutMs: 100 });
    const large = { ...symbol("https://a.example/1"), style: { ...plainStyle, moduleShape: "dot" as const } };
    const slow = drawer.draw(large, "png", 4_096, of("slow"));
    const others = Array.from({ length: 3 }, (_, index) =>
      drawer.readLogo(file("logos/icon-16x16.png"), of(`other ${index}`)),
    );
    await expect(slow).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    for (const logo of await Promise.all(others)) expect(logo).toMatchObject({ width: 16, height: 16 });
    expect(counted).toMatchObject({ '{"cause":"timeout"}': 1 });
  });

  it("whose thread has grown too large are answered, and leave another thread behind", async () => {
    const drawer = open({ threadBytesMax: 48 * 1_048_576 });
    expect(await drawer.readLogo(layers(), of("a"))).toMatchObject({ width: 512, height: 512 });
    expect(counted).toEqual({ '{"cause":"memory"}': 1 });
    expect(await drawer.readLogo(file("logos/icon-16x16.png"), of("b"))).toMatchObject({ width: 16 });
    expect(counted).toEqual({ '{"cause":"memory"}': 1 });
  });

  it("of an account that has used its time of the minute are refused until the next, and those of others are not", async () => {
    const drawer = open({ cpuMsPerMinuteMax: 1 });
    nowMs = 10_000;
    expect(await drawer.readLogo(layers(), of("a"))).toMatchObject({ width: 512 });
    await expect(drawer.readLogo(layers(), of("a"))).rejects.toMatchObject({
      reason: "RATE_LIMIT_MINUTE",
      retryAfterS: 50,
    });
    expect(await drawer.readLogo(file("logos/icon-16x16.png"), of("b"))).toMatchObject({ width: 16 });
    nowMs = 60_000;
    expect(await drawer.readLogo(file("logos/icon-16x16.png"), of("a"))).toMatchObject({ width: 16 });
  });
});
