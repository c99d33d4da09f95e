import { expect, it } from "vitest";
import { drill } from "./drill.ts";

/** Far more than either needs, and far less than a large deployment's rows. */
const memoryMax = 320 << 20;

it("backups of a deployment in use are restored whole, one after the other", { timeout: 300_000 }, async () => {
  const amounts = { rounds: 3, codes: 200, scans: 50_000, logos: 5, answers: 50 };
  const report = await drill({ ...amounts, report: () => {} });
  expect(report).toMatchObject({ rounds: 3, differentTables: [] });
  expect(report.equalTables).toEqual(expect.arrayContaining(["qr.codes", "qr.logos", "qr.projects", "auth.accounts"]));
  expect(report.requests).toBeGreaterThan(0);
  expect(report.backupMemory).toBeLessThan(memoryMax);
  expect(report.restoreMemory).toBeLessThan(memoryMax);
});
