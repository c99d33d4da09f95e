/** Throws an error that says what was seen unless a condition holds. */
export function hold(condition: boolean, seen: string): asserts condition {
  if (!condition) throw new Error(seen);
}

/** Throws unless each status is one of those expected; returns how many answers had which status. */
export function holdStatuses(statuses: readonly (number | string)[], expected: readonly (number | string)[]): string {
  const counts = new Map<number | string, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  const seen = [...counts].map(([status, count]) => `${count} × ${status}`).join(", ") || "nothing";
  hold(
    statuses.every((status) => expected.includes(status)),
    `${seen}; expected ${expected.join(" or ")}`,
  );
  return seen;
}
