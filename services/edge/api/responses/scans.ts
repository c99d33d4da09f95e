import { z } from "zod";
import type { CountScansResponse } from "../../../../gen/qrforge/qr/v1/scan_pb.ts";
import { count, time, toTime } from "./fields.ts";

export const scanInterval = z.enum(["hour", "day"]);
export const scanDimension = z.enum(["device", "country", "referrer"]);

export const scansResponse = z
  .object({
    total: count,
    unique_visitors: count.meta({ description: "Visitors of each day, added up" }),
    interval: scanInterval,
    series: z.array(
      z.object({
        start: time,
        scans: count,
        unique_visitors: count.exactOptional().meta({ description: "By day alone" }),
      }),
    ),
    by: scanDimension.exactOptional(),
    values: z.array(z.object({ value: z.string(), scans: count })).exactOptional(),
  })
  .meta({ id: "ScanCounts", description: "Scans over time" });

/** Converts scan counts to the public API's form. */
export function toScansResponse(
  counts: CountScansResponse,
  interval: z.output<typeof scanInterval>,
  by: z.output<typeof scanDimension> | undefined,
): z.output<typeof scansResponse> {
  return {
    total: Number(counts.total),
    unique_visitors: Number(counts.visitors),
    interval,
    series: counts.series.map(({ startTime, scans, visitors }) => ({
      start: toTime(startTime),
      scans: Number(scans),
      ...(visitors !== undefined && { unique_visitors: Number(visitors) }),
    })),
    ...(by && { by, values: counts.shares.map(({ value, scans }) => ({ value, scans: Number(scans) })) }),
  };
}
