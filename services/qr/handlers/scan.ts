import { randomBytes } from "node:crypto";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { resourceIdPattern } from "../../../contracts/resource-id.ts";
import { slugPattern } from "../../../contracts/slug.ts";
import { type CountScansRequest, Dimension, Interval, ScanService } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { requireAccount } from "../domain/requests.ts";
import { isStorableTime, readScans } from "../domain/scan-batch.ts";
import { fillSpans, spanMs, topValues, wholeSpans } from "../domain/spans.ts";
import type { ScanCountStore } from "../store/scan-counts.ts";
import type { ScanStore } from "../store/scans.ts";
import type { VisitorSaltStore } from "../store/visitor-salts.ts";

const spansMax = 800;
const valuesMax = 100;

const dimensions: Record<number, string | undefined> = {
  [Dimension.DEVICE]: "device",
  [Dimension.COUNTRY]: "country",
  [Dimension.REFERRER]: "referrer",
};

export interface ScanDependencies {
  scans: Pick<ScanStore, "record">;
  counts: ScanCountStore;
  salts: Pick<VisitorSaltStore, "ensure">;
  clock: Pick<Clock, "now">;
}

/** Creates the handlers of ScanService. */
export function createScanService({ scans, counts, salts, clock }: ScanDependencies): Implementation {
  return implement(ScanService, {
    async batchRecordScans(request) {
      return { recordedCount: await scans.record(readScans(request)) };
    },

    async getVisitorSalt({ date }) {
      const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
      // Tomorrow's as well: an edge's clock may be a little ahead. Yesterday's is gone for good.
      if (![dayOf(clock.now()), dayOf(clock.now() + spanMs.day)].includes(date)) {
        throw new ServiceError("INVALID_REQUEST", "date must be today or tomorrow, as YYYY-MM-DD");
      }
      return { salt: await salts.ensure(date, randomBytes(32)) };
    },

    async countScans(request) {
      const { accountId, idOrSlug, projectId } = request;
      requireAccount(accountId);
      const isName = resourceIdPattern.test(idOrSlug) || slugPattern.test(idOrSlug);
      if (idOrSlug !== "" && !isName) throw new ServiceError("NOT_FOUND", "There is no such QR code in this account.");
      const { interval, range } = readRange(request);
      const counted = await counts.find(accountId, { idOrSlug, projectId });
      const [from, to] = [new Date(range.fromMs), new Date(range.toMs)];
      const days = wholeSpans(range.fromMs, range.toMs, "day");
      const dimension = dimensions[request.dimension];
      // Days alone know their visitors; where days are asked for, they are the series as well.
      const [hourly, values, daily] = await Promise.all([
        interval === "hour" ? counts.byHour(counted, from, to) : undefined,
        dimension ? counts.byValue(counted, dimension, new Date(days.fromMs), new Date(days.toMs)) : [],
        counts.byDay(counted, new Date(days.fromMs), new Date(days.toMs)),
      ]);
      const series = hourly ?? daily;
      const byStart = new Map(series.map(({ start, scans, visitors }) => [start.getTime(), { scans, visitors }]));
      const zero = { scans: 0, visitors: interval === "day" ? 0 : null };
      return {
        total: BigInt(series.reduce((sum, { scans }) => sum + scans, 0)),
        visitors: BigInt(daily.reduce((sum, one) => sum + (one.visitors ?? 0), 0)),
        series: fillSpans(range, interval, byStart, zero).map(({ startMs, count }) => ({
          startTime: timestampFromMs(startMs),
          scans: BigInt(count.scans),
          ...(count.visitors !== null && { visitors: BigInt(count.visitors) }),
        })),
        shares: topValues(values, valuesMax).map(({ value, scans }) => ({ value, scans: BigInt(scans) })),
      };
    },
  });
}

/** Returns the whole spans of a request. Throws INVALID_REQUEST if they are too many or no dates. */
function readRange(request: CountScansRequest) {
  const { fromTime, toTime } = request;
  const interval = request.interval === Interval.HOUR ? "hour" : "day";
  if (!fromTime || !toTime) throw new ServiceError("INVALID_REQUEST", "from_time and to_time must be set");
  if (![fromTime, toTime].every((time) => isStorableTime(timestampMs(time)))) {
    throw new ServiceError("INVALID_REQUEST", "from_time and to_time must be from 2000 to 2099");
  }
  const range = wholeSpans(timestampMs(fromTime), timestampMs(toTime), interval);
  const spans = (range.toMs - range.fromMs) / spanMs[interval];
  if (!(spans >= 1 && spans <= spansMax)) {
    const issue = `must be after from, by at most ${spansMax} ${interval}s`;
    throw new ServiceError("INVALID_REQUEST", `to ${issue}`, { fields: [{ field: "to", issue }] });
  }
  return { interval, range } as const;
}
