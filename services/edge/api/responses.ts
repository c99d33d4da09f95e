/** The shapes of what the API answers, as the reference describes them; tests hold the answers to them. */

import { z } from "zod";
import { resourceIdPattern } from "../../../contracts/resource-id.ts";

const id = z.string().meta({ description: "20 characters of [0-9A-Za-z]", pattern: resourceIdPattern.source });
const time = z.string().meta({ description: "RFC 3339, UTC, with milliseconds", format: "date-time" });
const count = z.int().min(0);

const styleAnswer = z
  .object({
    foreground: z.string(),
    background: z.string(),
    module_shape: z.enum(["square", "dot", "rounded"]),
    finder_shape: z.enum(["square", "rounded", "circle"]),
    logo: z.string().nullable().meta({ description: "The id of a logo of the account" }),
    logo_size: z.int().meta({ description: "The logo's longer side in percent of the symbol's" }),
    caption: z.string().nullable(),
  })
  .meta({ id: "Style", description: "How the symbol looks" });

export const qrCodeAnswer = z
  .object({
    id,
    name: z.string(),
    slug: z.string(),
    status: z.enum(["active", "archived"]),
    type: z.literal("url"),
    project_id: id,
    redirect_url: z.string().meta({ description: "Where a scan leads, as it was given; a URL by the WHATWG's rules" }),
    short_url: z.string().meta({ description: "What the printed symbol holds", format: "uri" }),
    style: styleAnswer,
    render_status: z.enum(["pending", "ready", "failed"]),
    last_rendered_at: time.nullable(),
    scan_count: count,
    created_at: time,
    updated_at: time,
  })
  .meta({ id: "QrCode", description: "A dynamic QR code" });

export const projectAnswer = z
  .object({
    id,
    name: z.string(),
    description: z.string(),
    is_default: z.boolean(),
    has_custom_domain: z.boolean(),
    created_via: z.enum(["api", "dashboard"]),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: "Project", description: "A folder for codes" });

const windowAnswer = z
  .object({
    limit: count.nullable().meta({ description: "null is unlimited" }),
    used: count,
    remaining: count.nullable(),
    resets_at: time,
  })
  .meta({ id: "Window", description: "A window of time in which requests are counted" });

export const usageAnswer = z
  .object({ minute: windowAnswer, day: windowAnswer })
  .meta({ id: "Usage", description: "Both windows of the account" });

export const scansAnswer = z
  .object({
    total: count,
    unique_visitors: count.meta({ description: "Visitors of each day, added up" }),
    interval: z.enum(["hour", "day"]),
    series: z.array(
      z.object({
        start: time,
        scans: count,
        unique_visitors: count.exactOptional().meta({ description: "By day alone" }),
      }),
    ),
    by: z.enum(["device", "country", "referrer"]).exactOptional(),
    values: z.array(z.object({ value: z.string(), scans: count })).exactOptional(),
  })
  .meta({ id: "ScanCounts", description: "Scans over time" });

export const errorAnswer = z
  .object({
    ok: z.literal(false),
    version: z.string(),
    request_id: z.string(),
    code: z.string(),
    message: z.string(),
    details: z.array(z.object({ field: z.string(), issue: z.string() })).exactOptional(),
  })
  .meta({ id: "Failure", description: "A refusal or a failure" });
