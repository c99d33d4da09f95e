/** Spans of time that scans are counted by; times in ms since the Unix epoch. */

export const spanMs = { hour: 3_600_000, day: 86_400_000 } as const;
export type Interval = keyof typeof spanMs;

/** The whole spans that a range touches: from the beginning of the first to the end of the last. */
export function wholeSpans(fromMs: number, toMs: number, interval: Interval): { fromMs: number; toMs: number } {
  const length = spanMs[interval];
  return { fromMs: Math.floor(fromMs / length) * length, toMs: Math.ceil(toMs / length) * length };
}

/** One entry for each span of a range of whole spans, with what was counted or zero. */
export function fillSpans<T>(
  range: { fromMs: number; toMs: number },
  interval: Interval,
  counted: Map<number, T>,
  zero: T,
): { startMs: number; count: T }[] {
  const length = spanMs[interval];
  return Array.from({ length: (range.toMs - range.fromMs) / length }, (_, index) => {
    const startMs = range.fromMs + index * length;
    return { startMs, count: counted.get(startMs) ?? zero };
  });
}

/** The most frequent values, and one more for all the rest. */
export function topValues(values: { value: string; scans: number }[], max: number): { value: string; scans: number }[] {
  if (values.length <= max) return values;
  const rest = values.slice(max - 1).reduce((sum, { scans }) => sum + scans, 0);
  return [...values.slice(0, max - 1), { value: "other", scans: rest }];
}

/** The first moments of the month that a time is in, and of the next one, UTC. */
export function monthOf(ms: number): { first: Date; next: Date } {
  const date = new Date(ms);
  const month = (offset: number) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset, 1));
  return { first: month(0), next: month(1) };
}
