/** Creates a seeded generator of numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export type Random = () => number;

/** Creates an independent generator for each purpose, so that extra numbers in one do not change the others. */
export function stream(seed: number, purpose: string): Random {
  let hash = 0x811c9dc5 ^ seed;
  for (const character of purpose) hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193);
  return seeded(hash);
}

/** Returns a whole number from `min` to `max`, both included. */
export function between(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

/** Returns the running sums of weights, for `indexAt`. */
export function cumulate(weights: Iterable<number>): number[] {
  let sum = 0;
  return Array.from(weights, (weight) => (sum += weight));
}

/** Returns the place whose share of the running sums holds `share` (0 to below 1) of their total. */
export function indexAt(sums: ArrayLike<number>, share: number): number {
  const wanted = share * (sums[sums.length - 1] ?? 0);
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sums[middle] as number) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Returns a picker of values by weight. */
export function weighted<T>(entries: readonly (readonly [T, number])[]): (random: Random) => T {
  const sums = cumulate(entries.map(([, weight]) => weight));
  return (random) => (entries[indexAt(sums, random())] as readonly [T, number])[0];
}

/** Divides an integer into integer parts by weight; the parts sum to it. */
export function apportion(total: number, weights: readonly number[]): number[] {
  const sums = cumulate(weights);
  const whole = sums.at(-1) ?? 0;
  let given = 0;
  return sums.map((sum) => {
    const upTo = whole === 0 ? 0 : Math.round((total * sum) / whole);
    const part = upTo - given;
    given = upTo;
    return part;
  });
}
