import { createHash } from "node:crypto";
import { timestampDate, timestampMs } from "@bufbuild/protobuf/wkt";
import { type BatchRecordScansRequest, Device } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { requireItems, validId } from "./requests.ts";

/** A scan in the form in which it is stored. */
export interface ScanRow {
  scanId: string;
  codeId: string;
  scannedAt: Date;
  device: string;
  country: string;
  referrer: string;
  visitor: Buffer | null;
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const devices: Record<number, string> = {
  [Device.UNSPECIFIED]: "unknown",
  [Device.MOBILE]: "mobile",
  [Device.TABLET]: "tablet",
  [Device.DESKTOP]: "desktop",
  [Device.OTHER]: "other",
};

/** Returns the id of a batch, a UUID: the same whenever and by whichever way the same scans come again. */
export function batchIdOf(scans: Pick<ScanRow, "scanId">[]): string {
  const hex = createHash("sha256")
    .update(scans.map(({ scanId }) => scanId.toLowerCase()).join())
    .digest("hex");
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Returns the scans of a batch that came over gRPC or the queue. Throws INVALID_REQUEST if one is malformed. */
export function readScans({ scans }: BatchRecordScansRequest): ScanRow[] {
  requireItems(scans.length, "scans");
  return scans.map(({ scanId, qrCodeId, scanTime, device, country, referrer, visitor }) => {
    if (!uuidPattern.test(scanId)) throw new ServiceError("INVALID_REQUEST", "scan_id must be a UUID");
    if (!scanTime || !isStorableTime(timestampMs(scanTime))) {
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

/** Returns whether a time, in ms since the Unix epoch, is from 2000 to 2099, as every stored time is. */
export function isStorableTime(ms: number): boolean {
  return ms >= Date.UTC(2000) && ms < Date.UTC(2100);
}
