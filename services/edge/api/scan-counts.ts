import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { z } from "zod";
import { Dimension, Interval } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { omitUndefined } from "../../../platform/omit-undefined.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import type { scansQuery } from "./requests.ts";
import { toScansResponse } from "./responses/scans.ts";
import type { RouteAnswer } from "./route.ts";

const dimensionNumbers = {
  device: Dimension.DEVICE,
  country: Dimension.COUNTRY,
  referrer: Dimension.REFERRER,
};

/** Default range of scan counts: 30 days. */
const defaultRangeMs = 30 * 86_400_000;

/** Counts the scans of a code, or of a project's codes. */
export async function countScans(
  upstreams: Upstreams,
  of: { accountId: string } & ({ idOrSlug: string } | { projectId: string }),
  query: z.output<typeof scansQuery>,
  { nowMs, wait }: { nowMs: number; wait: { timeoutMs: number } },
): Promise<RouteAnswer> {
  const toMs = query.to ?? nowMs;
  const fromMs = query.from ?? toMs - defaultRangeMs;
  const counts = await upstreams.scans.countScans(
    omitUndefined({
      ...of,
      fromTime: timestampFromMs(fromMs),
      toTime: timestampFromMs(toMs),
      interval: query.interval === "hour" ? Interval.HOUR : Interval.DAY,
      dimension: query.by && dimensionNumbers[query.by],
    }),
    wait,
  );
  return { data: toScansResponse(counts, query.interval, query.by) };
}
