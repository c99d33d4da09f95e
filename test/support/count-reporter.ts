import type { Reporter, TestModule } from "vitest/node";

/** Ends the run's output with `N passed, N failed`, counted from the run's own result. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) counts[test.result().state]++;
      // What fails outside a test: a file that cannot be loaded, a hook.
      const clusters = [...module.children.allSuites()];
      counts.failed += module.errors().length + clusters.reduce((sum, cluster) => sum + cluster.errors().length, 0);
    }
    if (counts.skipped + counts.pending > 0) process.stdout.write(`${counts.skipped + counts.pending} skipped\n`);
    process.on("exit", () => process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`));
  }
}
