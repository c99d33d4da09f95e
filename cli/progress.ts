/** Time until the first report, and between further ones, in ms. */
const firstMs = 2_000;
const everyMs = 5_000;

/** Waits for `work` and returns its result. Reports work that takes longer than 2 s, and again every 5 s. */
export async function withProgress<T>(what: string, report: (text: string) => void, work: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const reportProgress = () =>
    report(`${what}: still working, ${Math.round((performance.now() - startedAt) / 1_000)} s so far`);
  let repeat: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    reportProgress();
    repeat = setInterval(reportProgress, everyMs);
  }, firstMs);
  try {
    return await work;
  } finally {
    clearTimeout(first);
    clearInterval(repeat);
  }
}
