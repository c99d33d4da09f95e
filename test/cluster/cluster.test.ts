import { expect, it } from "vitest";
import { runExperiment } from "./experiment.ts";

it("keeps every promise while a server of NATS dies and a standby of Postgres takes over", {
  timeout: 240_000,
}, async ({ skip }) => {
  const report = await runExperiment({ phaseS: 2, perDay: 1_500, report: () => {} });
  if (typeof report === "string") return skip(report);
  const { told, scans, codesLost, limit } = report;
  expect(told.violations).toEqual([]);
  // There was something to lose, and the limit was reached only after the failover.
  expect(told.codes.size).toBeGreaterThan(20);
  expect(told.revoked).toBeGreaterThan(3);
  expect(limit.admittedBeforeFailover).toBeLessThan(limit.perDay);
  expect(told.refusedByLimit).toBeGreaterThan(0);

  expect(codesLost).toEqual([]);
  expect(scans.counted).toBe(scans.redirected);
  expect(limit.charged).toBeLessThanOrEqual(limit.perDay);
  expect(told.admitted).toBeLessThanOrEqual(limit.charged);
});
