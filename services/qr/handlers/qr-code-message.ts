import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type QrCodeSchema, QrCodeStatus, QrCodeType, RenderStatus } from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import type { CodeRow } from "../store/qr-codes.ts";
import { writeStyle } from "./style-message.ts";

const statusNumbers = { active: QrCodeStatus.ACTIVE, archived: QrCodeStatus.ARCHIVED };

/** Returns the status of a code as the protos have it. */
export function toStatus(status: CodeRow["status"]): QrCodeStatus {
  return statusNumbers[status];
}

/** Returns the status that a request names; undefined if it names none. */
export function readStatus(status: QrCodeStatus): CodeRow["status"] | undefined {
  if (status === QrCodeStatus.ACTIVE) return "active";
  return status === QrCodeStatus.ARCHIVED ? "archived" : undefined;
}

/** Returns a code as the protos have it. */
export function toQrCode(row: CodeRow, shortUrl: (slug: string) => string): MessageInitShape<typeof QrCodeSchema> {
  return {
    qrCodeId: row.codeId,
    accountId: row.accountId,
    projectId: row.projectId,
    name: row.name,
    slug: row.slug,
    shortUrl: shortUrl(row.slug),
    status: toStatus(row.status),
    type: QrCodeType.URL,
    redirectUrl: row.redirectUrl,
    style: writeStyle(row),
    renderStatus: row.renderedAt ? RenderStatus.READY : RenderStatus.PENDING,
    lastRenderTime: row.renderedAt ? timestampFromDate(row.renderedAt) : undefined,
    scanCount: BigInt(row.scans),
    createTime: timestampFromDate(row.createdAt),
    updateTime: timestampFromDate(row.updatedAt),
    etag: `${row.revision}.${row.scans}`,
    takenDown: row.takenDownAt !== null,
  };
}
