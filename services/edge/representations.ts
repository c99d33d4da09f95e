import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { CreatedVia, type Project } from "../../gen/qrforge/qr/v1/project_pb.ts";
import { type QrCode, QrCodeStatus, RenderStatus } from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { type Metered, remaining, type WindowState } from "./rate-limit.ts";

const renderStatuses: Partial<Record<RenderStatus, string>> = {
  [RenderStatus.PENDING]: "pending",
  [RenderStatus.READY]: "ready",
  [RenderStatus.FAILED]: "failed",
};

/** A moment as RFC 3339 UTC with milliseconds, or null. */
function toTime(timestamp: Timestamp | undefined): string | null {
  return timestamp ? timestampDate(timestamp).toISOString() : null;
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`a service answered without ${what}`);
  return value;
}

/** A code as the public API shows it. */
export function toQrCodeJson(message: QrCode | undefined) {
  const code = present(message, "a code");
  return {
    id: code.qrCodeId,
    name: code.name,
    slug: code.slug,
    status: code.status === QrCodeStatus.ACTIVE ? "active" : "archived",
    type: "url",
    project_id: code.projectId,
    redirect_url: code.redirectUrl,
    short_url: code.shortUrl,
    style: { foreground: code.style?.foreground, background: code.style?.background },
    render_status: renderStatuses[code.renderStatus],
    last_rendered_at: toTime(code.lastRenderTime),
    scan_count: Number(code.scanCount),
    created_at: toTime(code.createTime),
    updated_at: toTime(code.updateTime),
  };
}

/** A project as the public API shows it. */
export function toProjectJson(message: Project | undefined) {
  const project = present(message, "a project");
  return {
    id: project.projectId,
    name: project.name,
    description: project.description,
    is_default: project.isDefault,
    has_custom_domain: project.hasCustomDomain,
    created_via: project.createdVia === CreatedVia.API ? "api" : "dashboard",
    created_at: toTime(project.createTime),
    updated_at: toTime(project.updateTime),
  };
}

/** Both windows as the public API shows them; an unlimited one has a null limit. */
export function toUsageJson(metered: Metered) {
  const window = (state: WindowState) => ({
    limit: state.limit || null,
    used: state.used,
    remaining: remaining(state),
    resets_at: new Date(metered.decidedAtMs + state.resetS * 1000).toISOString(),
  });
  return { minute: window(metered.minute), day: window(metered.day) };
}
