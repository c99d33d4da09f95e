import { defineConfig } from "vitest/config";

const slow = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/count-reporter.ts"],
    projects: [
      {
        test: { name: "unit", include: ["{contracts,platform,services,dashboard,cli,dev,scripts,bench}/**/*.test.ts"] },
      },
      { test: { name: "exploration", include: ["test/lease/**/*.test.ts"] } },
      { test: { name: "static", include: ["test/static/**/*.test.ts"], ...slow } },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/global-cluster.ts"],
          ...slow,
        },
      },
      { test: { name: "browser", include: ["test/browser/**/*.test.ts"], ...slow } },
      { test: { name: "fault", include: ["test/{fault,backup,attack}/**/*.test.ts"], ...slow } },
      { test: { name: "cluster", include: ["test/cluster/**/*.test.ts"], ...slow } },
      { test: { name: "launcher", include: ["test/launcher/**/*.test.ts"], fileParallelism: false, ...slow } },
    ],
  },
});
