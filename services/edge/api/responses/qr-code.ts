import { z } from "zod";
import { type QrCode, QrCodeStatus, RenderStatus } from "../../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { count, id, required, time, toTime, toTimeOrNull, wordOf } from "./fields.ts";
import { styleResponse, toStyleResponse } from "./style.ts";

const renderStatus = z.enum(["pending", "ready", "failed"]);
const renderStatusNumbers = {
  pending: RenderStatus.PENDING,
  ready: RenderStatus.READY,
  failed: RenderStatus.FAILED,
};

export const qrCodeResponse = z
  .object({
    id,
    name: z.string(),
    slug: z.string(),
    status: z.enum(["active", "archived"]),
    type: z.literal("url"),
    project_id: id,
    redirect_url: z.string().meta({
      description: "Where a scan leads, as it was given; a URL by the WHATWG's rules. Scans get it in ASCII",
    }),
    short_url: z.string().meta({ description: "What the printed symbol holds", format: "uri" }),
    style: styleResponse,
    render_status: renderStatus,
    last_rendered_at: time.nullable(),
    scan_count: count,
    created_at: time,
    updated_at: time,
    taken_down: z.boolean().meta({
      description: "Whether the operator took it down: it is archived, and cannot be changed or restored",
    }),
  })
  .meta({ id: "QrCode", description: "A dynamic QR code" });

/** Converts a code to the public API's form. */
export function toQrCodeResponse(qrCode: QrCode): z.output<typeof qrCodeResponse> {
  return {
    id: qrCode.qrCodeId,
    name: qrCode.name,
    slug: qrCode.slug,
    status: qrCode.status === QrCodeStatus.ACTIVE ? "active" : "archived",
    type: "url",
    project_id: qrCode.projectId,
    redirect_url: qrCode.redirectUrl,
    short_url: qrCode.shortUrl,
    style: toStyleResponse(required(qrCode.style, "a style")),
    render_status: wordOf(renderStatus.options, renderStatusNumbers, qrCode.renderStatus),
    last_rendered_at: toTimeOrNull(qrCode.lastRenderTime),
    scan_count: Number(qrCode.scanCount),
    created_at: toTime(qrCode.createTime),
    updated_at: toTime(qrCode.updateTime),
    taken_down: qrCode.takenDown,
  };
}
