import { z } from "zod";
import { type QrCode, QrCodeStatus, RenderStatus } from "../../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { count, exampleOf, examples, id, required, time, toTime, toTimeOrNull, wordOf } from "./fields.ts";
import { styleResponse, toStyleResponse } from "./style.ts";

const renderStatus = z.enum(["pending", "ready", "failed"]);
const renderStatusNumbers = {
  pending: RenderStatus.PENDING,
  ready: RenderStatus.READY,
  failed: RenderStatus.FAILED,
};

export const qrCodeResponse = z
  .object({
    id: id.meta({ description: "Id of the code" }),
    name: z.string().meta({ description: "Name in lists" }),
    slug: z.string().meta({ description: "The path of the short URL" }),
    status: z.enum(["active", "archived"]).meta({ description: "Scans of archived codes lead nowhere (410)" }),
    type: z.literal("url").meta({ description: "Kind of content" }),
    project_id: id.meta({ description: "Id of the code's project" }),
    redirect_url: z.string().meta({
      description: "Where a scan leads, as it was given; a URL by the WHATWG's rules. Scans get it in ASCII",
    }),
    short_url: z.string().meta({ description: "What the printed symbol holds", format: "uri" }),
    style: styleResponse,
    render_status: renderStatus.meta({ description: "Whether the symbol has been drawn and read back" }),
    last_rendered_at: time.nullable().meta({ description: "When the symbol was last drawn; null for never" }),
    scan_count: count.meta({ description: "Number of scans" }),
    created_at: time.meta({ description: "When it was created" }),
    updated_at: time.meta({ description: "When it was last changed" }),
    taken_down: z.boolean().meta({
      description: "Whether the operator took it down: it is archived, and cannot be changed or restored",
    }),
  })
  .meta({
    id: "QrCode",
    description: "A dynamic QR code",
    examples: [
      {
        id: examples.id,
        name: "Menu",
        slug: "qr-7k3m9xa",
        status: "active",
        type: "url",
        project_id: examples.projectId,
        redirect_url: "https://example.com/menu",
        short_url: "https://qr.example.com/qr-7k3m9xa",
        style: exampleOf(styleResponse),
        render_status: "ready",
        last_rendered_at: examples.time,
        scan_count: 42,
        created_at: examples.time,
        updated_at: examples.time,
        taken_down: false,
      },
    ],
  });

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
