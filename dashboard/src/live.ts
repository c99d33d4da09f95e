import { useEffect, useState } from "react";

/** Longest wait between two tries of something that fails, in ms. */
const retryMsMax = 30_000;
/** Answers that may be missed before what is shown is called old. */
const missedMax = 3;

/** Query options for what is read again every `everyMs`; while it fails, the longer it has failed the more seldom. */
export function live(everyMs: number) {
  return {
    // The next turn is the next try.
    retry: false,
    refetchInterval({ state }: { state: { dataUpdatedAt: number; errorUpdatedAt: number; errorUpdateCount: number } }) {
      if (state.errorUpdatedAt <= state.dataUpdatedAt) return everyMs;
      const failingMs =
        state.dataUpdatedAt === 0 ? 2 ** state.errorUpdateCount * 1_000 : Date.now() - state.dataUpdatedAt;
      return Math.min(retryMsMax, Math.max(everyMs, failingMs / 2));
    },
  };
}

/** Returns the time, in ms since the epoch, every second anew. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Whether an answer of `updatedAt` is too old to be called live. */
export const isStale = (updatedAt: number, now: number, everyMs: number) => now - updatedAt > missedMax * everyMs;
