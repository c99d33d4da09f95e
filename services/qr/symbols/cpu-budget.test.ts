import { expect, it } from "vitest";
import { createCpuBudget } from "./cpu-budget.ts";

it("an account that has drawn for its whole time waits until the next minute, and others do not", () => {
  let nowMs = 60_000 * 10 + 15_500;
  const budget = createCpuBudget({ msPerMinuteMax: 1_000, clock: { now: () => nowMs } });
  budget.add("a", 999);
  budget.check("a");
  budget.add("a", 1);
  expect(() => budget.check("a")).toThrow(expect.objectContaining({ reason: "RATE_LIMIT_MINUTE", retryAfterS: 45 }));
  budget.check("b");
  nowMs += 45_000;
  budget.check("a");
});
