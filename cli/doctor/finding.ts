/** Result of one check. */
export interface Finding {
  area: string;
  level: "good" | "warn" | "wrong";
  /** Description of the state. */
  text: string;
  /** Advice, unless the state is good. */
  advice?: string;
}

export const good = (area: string, text: string): Finding => ({ area, level: "good", text });
export const warn = (area: string, text: string, advice: string): Finding => ({ area, level: "warn", text, advice });
export const wrong = (area: string, text: string, advice: string): Finding => ({ area, level: "wrong", text, advice });

/** Clock differences that cause a warning, or an error; in ms. */
const skewMs = { warn: 500, wrong: 5_000 };

/** Returns the finding for a clock's offset from this machine's, known to within `errorMs`. */
export function judgeClock(whose: string, aheadMs: number, errorMs: number): Finding {
  const off = Math.max(0, Math.abs(aheadMs) - errorMs);
  const text = `${whose} is ${(Math.abs(aheadMs) / 1_000).toFixed(2)} s ${aheadMs < 0 ? "behind" : "ahead of"} this machine`;
  const advice = "Let every machine take its time from the same servers (chrony, systemd-timesyncd).";
  if (off > skewMs.wrong) return wrong("clocks", text, advice);
  if (off > skewMs.warn) return warn("clocks", text, advice);
  return good("clocks", `${whose} agrees with this machine`);
}
