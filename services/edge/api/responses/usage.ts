import { z } from "zod";
import { type QuotaDecision, remaining, type WindowState } from "../../pipeline/rate-limit-headers.ts";
import { count, time } from "./fields.ts";

const windowResponse = z
  .object({
    limit: count.nullable().meta({ description: "Units that the window allows; null is unlimited" }),
    used: count.meta({ description: "Units used, with those of this request" }),
    remaining: count.nullable().meta({ description: "Units left; null is unlimited" }),
    resets_at: time.meta({ description: "When the window ends and a new one begins" }),
  })
  .meta({ id: "Window", description: "A window of time in which requests are counted" });

export const usageResponse = z
  .object({
    minute: windowResponse.meta({ description: "The UTC minute" }),
    day: windowResponse.meta({ description: "The UTC day" }),
  })
  .meta({
    id: "Usage",
    description: "Both windows of the account",
    examples: [
      {
        minute: { limit: 600, used: 3, remaining: 597, resets_at: "2026-01-31T12:01:00.000Z" },
        day: { limit: 50_000, used: 1_234, remaining: 48_766, resets_at: "2026-02-01T00:00:00.000Z" },
      },
    ],
  });

/** Converts both windows to the public API's form; an unlimited one has a null limit. */
export function toUsageResponse(decision: QuotaDecision): z.output<typeof usageResponse> {
  const window = (state: WindowState) => ({
    limit: state.limit || null,
    used: state.used,
    remaining: remaining(state),
    resets_at: new Date(decision.decidedAtMs + state.resetS * 1000).toISOString(),
  });
  return { minute: window(decision.minute), day: window(decision.day) };
}
