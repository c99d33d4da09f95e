import { expect, it } from "vitest";
import { killPostgres } from "./kill-postgres.ts";

it("no service ends while Postgres is killed under load, and everything works again each time", {
  timeout: 240_000,
}, async () => {
  const times = 3;
  const { recoveredMs, ended, violations, acknowledged, lost } = await killPostgres({ times, report: () => {} });
  expect(ended).toEqual([]);
  expect(recoveredMs).toHaveLength(times);
  expect(violations).toEqual([]);
  expect(acknowledged).toBeGreaterThan(10);
  expect(lost).toEqual([]);
});
