import { z } from "zod";
import { type QuotaDecision, remaining, type WindowState } from "../../pipeline/rate-limit-headers.ts";
import { count, time } from "./fields.ts";

const windowResponse = z
  .object({
    limit: count.nullable().meta({ description: "null is unlimited" }),
    used: count,
    remaining: count.nullable(),
    resets_at: time,
  })
  .meta({ id: "Window", description: "A window of time in which requests are counted" });

export const usageResponse = z
  .object({ minute: windowResponse, day: windowResponse })
  .meta({ id: "Usage", description: "Both windows of the account" });

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
