import { describe, expect, it } from "vitest";
import { CreatedVia } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { createPipeline } from "./pipeline.ts";
import type { QuotaDecision } from "./rate-limit-headers.ts";

const open = {
  refusedBy: "none",
  minute: { limit: 0, used: 0, resetS: 0 },
  day: { limit: 0, used: 0, resetS: 0 },
} as const;
const slot = { [Symbol.dispose]() {} };

/** Runs one call of a cost; returns what it was charged, and its result or the reason of its rejection. */
async function run(cost: number, limits: { perMinute: number; perDay: number }, replay?: boolean) {
  const charged: number[] = [];
  let asked = 0;
  const pipeline = createPipeline({
    consumeQuota: async (_caller, units) => {
      charged.push(units);
      return { ...open, decidedAtMs: 0 };
    },
    slots: { acquire: () => slot } as never,
    fairQueue: { acquire: async () => slot } as never,
  });
  const plan = { limits, activeCodesMax: 0n };
  const caller = { accountId: "a", face: "api" as const, keyId: "k", ...plan, createdVia: CreatedVia.API };
  const call = { headers: {}, address: "192.0.2.1", remainingMs: () => 1_000, setHeaders: () => {} };
  const isReplay = async () => {
    asked++;
    return replay ?? false;
  };
  const outcome = await pipeline
    .run(caller, call, {
      cost,
      ...(replay !== undefined && { isReplay }),
      handle: async (_, replayOnly) => (replayOnly ? "replayed" : "done"),
    })
    .catch(({ reason, message }) => `${reason}: ${message}`);
  return { charged, outcome, asked };
}

describe("the cost of a call", () => {
  it("is charged whole, and in vain where no window can ever hold it: then it is one, and nobody waits for it", async () => {
    expect(await run(60, { perMinute: 60, perDay: 1_000 })).toMatchObject({ charged: [60], outcome: "done" });
    expect(await run(61, { perMinute: 60, perDay: 1_000 })).toMatchObject({
      charged: [1],
      outcome:
        "INVALID_PAYLOAD: This request counts as 61, and the account's limit is 60 a minute: send at most 60 at once.",
    });
    expect(await run(61, { perMinute: 0, perDay: 60 })).toMatchObject({
      charged: [1],
      outcome: expect.stringContaining("60 a day"),
    });
    expect(await run(100, { perMinute: 0, perDay: 0 })).toMatchObject({ charged: [100], outcome: "done" });
  });

  it("is one for a call that was answered before, which then may do nothing else", async () => {
    expect(await run(100, { perMinute: 60, perDay: 0 }, true)).toEqual({ charged: [1], outcome: "replayed", asked: 1 });
    expect(await run(100, { perMinute: 0, perDay: 0 }, false)).toEqual({ charged: [100], outcome: "done", asked: 1 });
    // What costs one anyway needs no question.
    expect(await run(1, { perMinute: 0, perDay: 0 }, true)).toEqual({ charged: [1], outcome: "done", asked: 0 });
  });
});

describe("a refusal by a window", () => {
  it.each([
    ["minute", "RATE_LIMIT_MINUTE", 41],
    ["day", "RATE_LIMIT_DAY", 52_341],
  ] as const)("says when the %s opens again", async (refusedBy, reason, retryAfterS) => {
    const minute = { limit: 600, used: 600, resetS: 41 };
    const decision: QuotaDecision = { refusedBy, minute, day: { ...minute, resetS: 52_341 }, decidedAtMs: 0 };
    const pipeline = createPipeline({
      consumeQuota: async () => decision,
      slots: { acquire: () => slot } as never,
      fairQueue: { acquire: async () => slot } as never,
    });
    const call = { headers: {}, address: "192.0.2.1", remainingMs: () => 1_000, setHeaders: () => {} };
    const caller = { accountId: "a", limits: { perMinute: 600, perDay: 0 } } as never;
    const answer = pipeline.run(caller, call, { cost: 1, handle: async () => "handled" });
    await expect(answer).rejects.toMatchObject({ reason, retryAfterS });
  });
});
