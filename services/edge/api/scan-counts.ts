import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { z } from "zod";
import { Dimension, Interval } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { omitUndefined } from "../../../platform/omit-undefined.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { toScansJson } from "./representations.ts";
import type { scansQuery } from "./requests.ts";
import type { RouteAnswer } from "./route.ts";

/** What scans are counted over if nothing is asked: 30 days. */
const defaultRangeMs = 30 * 86_400_000;

/** Counts the scans of a code, or of a project's codes. */
export async function countScans(
  upstreams: Upstreams,
  of: { accountId: string } & ({ idOrSlug: string } | { projectId: string }),
  query: z.output<typeof scansQuery>,
  wait: { timeoutMs: number },
): Promise<RouteAnswer> {
  const toMs = query.to ?? Date.now();
  const fromMs = query.from ?? toMs - defaultRangeMs;
  const counts = await upstreams.scans.countScans(
    omitUndefined({
      ...of,
      fromTime: timestampFromMs(fromMs),
      toTime: timestampFromMs(toMs),
      interval: query.interval === "hour" ? Interval.HOUR : Interval.DAY,
      dimension: query.by && Dimension[query.by.toUpperCase() as "DEVICE"],
    }),
    wait,
  );
  return { data: toScansJson(counts, query.interval, query.by) };
}
