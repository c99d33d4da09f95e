import { z } from "zod";
import type { CountScansResponse } from "../../../../gen/qrforge/qr/v1/scan_pb.ts";
import { count, time, toTime } from "./fields.ts";

export const scanInterval = z.enum(["hour", "day"]).meta({ description: "Length of a span in UTC" });
export const scanDimension = z
  .enum(["device", "country", "referrer"])
  .meta({ description: "What the scans are also counted by" });

export const scansResponse = z
  .object({
    total: count.meta({ description: "Number of scans in the range" }),
    unique_visitors: count.meta({ description: "Visitors of each day, added up" }),
    interval: scanInterval,
    series: z
      .array(
        z
          .object({
            start: time.meta({ description: "Start of the span" }),
            scans: count.meta({ description: "Number of scans in the span" }),
            unique_visitors: count.exactOptional().meta({ description: "Number of visitors; only by day" }),
          })
          .meta({ id: "ScanSpan", description: "The scans of one hour or day" }),
      )
      .meta({ description: "Every span of the range, in order" }),
    by: scanDimension.exactOptional(),
    values: z
      .array(
        z
          .object({
            value: z.string().meta({ description: "A device, a country or a referrer" }),
            scans: count.meta({ description: "Number of scans with it" }),
          })
          .meta({ id: "ScanShare", description: "The scans with one value" }),
      )
      .exactOptional()
      .meta({ description: "Number of scans by value, the most frequent first; only with `by`" }),
  })
  .meta({
    id: "ScanCounts",
    description: "Scans over time",
    examples: [
      {
        total: 42,
        unique_visitors: 40,
        interval: "day",
        series: [{ start: "2026-01-31T00:00:00.000Z", scans: 42, unique_visitors: 40 }],
        by: "device",
        values: [
          { value: "mobile", scans: 41 },
          { value: "desktop", scans: 1 },
        ],
      },
    ],
  });

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
