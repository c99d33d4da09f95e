import { expect, it } from "vitest";
import { createOfflineWindows } from "./offline-windows.ts";

const dayMs = 86_400_000;
const request = {
  accountId: "account",
  face: "api",
  keyId: "key",
  cost: 1,
  limits: { perMinute: 2, perDay: 100 },
} as const;

it("windows of an edge go on after its clock stepped back a little, and begin anew after it was a day ahead", () => {
  const windows = createOfflineWindows({ accountsMax: 10 });
  const nowMs = Date.parse("2026-11-24T12:34:01Z");
  const refusedAt = (ms: number) => windows.decide(request, ms).refusedBy;
  expect([refusedAt(nowMs), refusedAt(nowMs), refusedAt(nowMs)]).toEqual(["none", "none", "minute"]);
  expect(refusedAt(nowMs - 2_000)).toBe("minute");
  expect([refusedAt(nowMs + dayMs), refusedAt(nowMs + dayMs)]).toEqual(["none", "none"]);
  expect([refusedAt(nowMs + 3_000), refusedAt(nowMs + 3_000), refusedAt(nowMs + 3_000)]).toEqual([
    "none",
    "none",
    "minute",
  ]);

  // What quota decided counts again, too.
  windows.decide(request, nowMs + dayMs);
  const window = { limit: 2, used: 2, resetS: 56 };
  windows.learn("account", {
    refusedBy: "none",
    minute: window,
    day: { ...window, resetS: 41_156 },
    decidedAtMs: Date.parse("2026-11-24T12:34:04Z"),
  });
  expect(refusedAt(nowMs + 4_000)).toBe("minute");
});
