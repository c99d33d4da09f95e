import type { Clock } from "./clock.ts";

/**
 * Runs `work` and returns what it returns, or throws what it throws, no sooner than after `ms`: the duration of an answer
 * then does not show what was found.
 */
export async function withMinimumDuration<T>(
  { ms, clock }: { ms: number; clock: Pick<Clock, "sleep"> },
  work: () => Promise<T>,
): Promise<T> {
  const [outcome] = await Promise.allSettled([work(), clock.sleep(ms)]);
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}
