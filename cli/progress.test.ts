import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { withProgress } from "./progress.ts";

beforeEach(
  () =>
    void vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "performance"] }),
);
afterEach(() => void vi.useRealTimers());

describe("the progress of something slow", () => {
  it("is reported after 2 s and every 5 s, until it ends", async () => {
    const lines: string[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    const result = withProgress("auth", (text) => lines.push(text), promise);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(lines).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_001);
    expect(lines).toEqual(["auth: still working, 2 s so far", "auth: still working, 7 s so far"]);
    resolve("done");
    expect(await result).toBe("done");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(lines).toHaveLength(2);
  });

  it("ends with the work's own error", async () => {
    await expect(withProgress("auth", () => {}, Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(vi.getTimerCount()).toBe(0);
  });
});
