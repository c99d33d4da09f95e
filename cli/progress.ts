/** When to say for the first time that something is still going on, and how often from then on, in ms. */
const firstMs = 2_000;
const everyMs = 5_000;

/** Waits for `work` and returns its result. Whatever takes longer than 2 s is reported as still going on, and every 5 s again. */
export async function withProgress<T>(what: string, tell: (text: string) => void, work: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const report = () => tell(`${what}: still working, ${Math.round((performance.now() - startedAt) / 1_000)} s so far`);
  let repeat: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    report();
    repeat = setInterval(report, everyMs);
  }, firstMs);
  try {
    return await work;
  } finally {
    clearTimeout(first);
    clearInterval(repeat);
  }
}
