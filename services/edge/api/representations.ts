import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { CreatedVia, type Project } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import {
  FinderShape,
  ModuleShape,
  type QrCode,
  QrCodeStatus,
  RenderStatus,
  type Style,
} from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import type { CountScansResponse } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { type QuotaDecision, remaining, type WindowState } from "../pipeline/rate-limit-headers.ts";

const renderStatuses: Partial<Record<RenderStatus, string>> = {
  [RenderStatus.PENDING]: "pending",
  [RenderStatus.READY]: "ready",
  [RenderStatus.FAILED]: "failed",
};

const moduleShapes: Partial<Record<ModuleShape, string>> = {
  [ModuleShape.SQUARE]: "square",
  [ModuleShape.DOT]: "dot",
  [ModuleShape.ROUNDED]: "rounded",
};
const finderShapes: Partial<Record<FinderShape, string>> = {
  [FinderShape.SQUARE]: "square",
  [FinderShape.ROUNDED]: "rounded",
  [FinderShape.CIRCLE]: "circle",
};

/** A moment as RFC 3339 UTC with milliseconds, or null. */
export function toTime(timestamp: Timestamp | undefined): string | null {
  return timestamp ? timestampDate(timestamp).toISOString() : null;
}

export function present<T>(value: T | undefined, what: string): T {
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
    style: toStyleJson(present(code.style, "a style")),
    render_status: renderStatuses[code.renderStatus],
    last_rendered_at: toTime(code.lastRenderTime),
    scan_count: Number(code.scanCount),
    created_at: toTime(code.createTime),
    updated_at: toTime(code.updateTime),
  };
}

function toStyleJson(style: Style) {
  return {
    foreground: style.foreground,
    background: style.background,
    module_shape: moduleShapes[style.moduleShape],
    finder_shape: finderShapes[style.finderShape],
    logo: style.logoId || null,
    logo_size: style.logoSize,
    caption: style.caption || null,
  };
}

/** Counts of scans as the public API shows them. */
export function toScansJson(counts: CountScansResponse, interval: "hour" | "day", by: string | undefined) {
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
export function toUsageJson(decision: QuotaDecision) {
  const window = (state: WindowState) => ({
    limit: state.limit || null,
    used: state.used,
    remaining: remaining(state),
    resets_at: new Date(decision.decidedAtMs + state.resetS * 1000).toISOString(),
  });
  return { minute: window(decision.minute), day: window(decision.day) };
}
