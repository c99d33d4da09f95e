import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { CountScansRequestSchema, type CountScansResponse, Interval } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { createScanService, type ScanDependencies } from "./scan.ts";

const day = Date.UTC(2026, 10, 25);
const hourMs = 3_600_000;

/** Counts with a store of one code, and returns the response and the names of the queries that it took. */
async function countWith(interval: Interval): Promise<{ response: CountScansResponse; queries: string[] }> {
  const queries: string[] = [];
  const query = (name: string, start: number, visitors: number | null) => async () => {
    queries.push(name);
    return [{ start: new Date(start), scans: 3, visitors }];
  };
  const counts = {
    find: async () => ({ codeId: "c" }),
    byDay: query("days", day, 2),
    byHour: query("hours", day + hourMs, null),
  } as unknown as ScanDependencies["counts"];
  const unused = {} as never;
  const { handlers } = createScanService({ counts, scans: unused, salts: unused, clock: { now: () => day } });
  const request = create(CountScansRequestSchema, {
    accountId: "0123456789abcdefghij",
    idOrSlug: "qr-0000000",
    fromTime: timestampFromMs(day),
    toTime: timestampFromMs(day + 24 * hourMs),
    interval,
  });
  const response = await handlers.countScans?.(request as never, { peer: "test", remainingMs: () => 1_000 });
  return { response: response as CountScansResponse, queries };
}

describe("counting scans", () => {
  it("by day reads the days once", async () => {
    const { response, queries } = await countWith(Interval.DAY);
    expect(queries).toEqual(["days"]);
    expect([response.total, response.visitors]).toEqual([3n, 2n]);
  });

  it("by hour reads the days as well, which alone know the visitors", async () => {
    const { response, queries } = await countWith(Interval.HOUR);
    expect(queries).toEqual(["hours", "days"]);
    expect([response.total, response.visitors]).toEqual([3n, 2n]);
  });
});
