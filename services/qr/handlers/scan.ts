import { randomBytes } from "node:crypto";
import { timestampDate, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { slugPattern } from "../../../contracts/slug.ts";
import {
  type BatchRecordScansRequest,
  type CountScansRequest,
  Device,
  Dimension,
  Interval,
  ScanService,
} from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { idPattern, requireAccount, requireItems, validId } from "../domain/requests.ts";
import { fillSpans, spanMs, topValues, wholeSpans } from "../domain/spans.ts";
import type { ScanRow, ScanStore } from "../store/scans.ts";

const spansMax = 800;
const valuesMax = 100;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const devices: Record<number, string> = {
  [Device.UNSPECIFIED]: "unknown",
  [Device.MOBILE]: "mobile",
  [Device.TABLET]: "tablet",
  [Device.DESKTOP]: "desktop",
  [Device.OTHER]: "other",
};
const dimensions: Record<number, string | undefined> = {
  [Dimension.DEVICE]: "device",
  [Dimension.COUNTRY]: "country",
  [Dimension.REFERRER]: "referrer",
};

export interface ScanDependencies {
  store: ScanStore;
  clock: Pick<Clock, "now">;
}

/** The handlers of ScanService. */
export function createScanService({ store, clock }: ScanDependencies): Implementation {
  return implement(ScanService, {
    async batchRecordScans(request) {
      return { recordedCount: await store.recordScans(readScans(request)) };
    },

    async getVisitorSalt({ date }) {
      const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
      // Tomorrow's as well: an edge's clock may be a little ahead. Yesterday's is gone for good.
      if (![dayOf(clock.now()), dayOf(clock.now() + spanMs.day)].includes(date)) {
        throw new ServiceError("INVALID_REQUEST", "date must be today or tomorrow, as YYYY-MM-DD");
      }
      return { salt: await store.visitorSalt(date, randomBytes(32)) };
    },

    async countScans(request) {
      const { accountId, idOrSlug, projectId } = request;
      requireAccount(accountId);
      const isName = idPattern.test(idOrSlug) || slugPattern.test(idOrSlug);
      if (idOrSlug !== "" && !isName) throw new ServiceError("NOT_FOUND", "There is no such QR code in this account.");
      const { interval, range } = readRange(request);
      const counted = await store.findCounted(accountId, { idOrSlug, projectId });
      const [from, to] = [new Date(range.fromMs), new Date(range.toMs)];
      const days = wholeSpans(range.fromMs, range.toMs, "day");
      const dimension = dimensions[request.dimension];
      // Days alone know their visitors; where days are asked for, they are the series as well.
      const [hourly, values, daily] = await Promise.all([
        interval === "hour" ? store.countHours(counted, from, to) : undefined,
        dimension ? store.countValues(counted, dimension, new Date(days.fromMs), new Date(days.toMs)) : [],
        store.countDays(counted, new Date(days.fromMs), new Date(days.toMs)),
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
  if (![fromTime, toTime].every((time) => isSane(timestampMs(time)))) {
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

/** Whether a time is one that the database and calendars have no trouble with. */
function isSane(ms: number): boolean {
  return ms >= Date.UTC(2000) && ms < Date.UTC(2100);
}

/** Scans as they were handed in, over gRPC or a queue. Fails with INVALID_REQUEST. */
export function readScans({ scans }: BatchRecordScansRequest): ScanRow[] {
  requireItems(scans.length, "scans");
  return scans.map(({ scanId, qrCodeId, scanTime, device, country, referrer, visitor }) => {
    if (!uuidPattern.test(scanId)) throw new ServiceError("INVALID_REQUEST", "scan_id must be a UUID");
    if (!scanTime || !isSane(timestampMs(scanTime))) {
      throw new ServiceError("INVALID_REQUEST", "scan_time must be set, from 2000 to 2099");
    }
    if (country !== "" && !/^[A-Z]{2}$/.test(country)) {
      throw new ServiceError("INVALID_REQUEST", "country must be two capital letters");
    }
    if (referrer.length > 100 || /[^\x21-\x7e]/.test(referrer)) {
      throw new ServiceError("INVALID_REQUEST", "referrer must be a host of at most 100 characters");
    }
    if (visitor.length !== 0 && visitor.length !== 8)
      throw new ServiceError("INVALID_REQUEST", "visitor must be 8 bytes");
    return {
      scanId,
      codeId: validId(qrCodeId, "INVALID_REQUEST"),
      scannedAt: timestampDate(scanTime),
      device: devices[device] ?? "other",
      country: country || "unknown",
      referrer: referrer || "direct",
      visitor: visitor.length === 0 ? null : Buffer.from(visitor),
    };
  });
}
