/** Types of the QRForge API's JSON. */

export interface Style {
  foreground: string;
  background: string;
  module_shape: "square" | "dot" | "rounded";
  finder_shape: "square" | "rounded" | "circle";
  /** Id of a logo of the account. */
  logo: string | null;
  /** The logo's longer side in percent of the symbol's. */
  logo_size: number;
  caption: string | null;
}

/**
 * In requests `logo` may also be a small picture as `data:image/...;base64,...`; larger ones are uploaded by `createLogo`.
 * null stands for the default of a field.
 */
export type StyleChange = { [Field in keyof Style]?: Style[Field] | null };

export interface QrCode {
  id: string;
  name: string;
  slug: string;
  status: "active" | "archived";
  type: "url";
  project_id: string;
  redirect_url: string;
  short_url: string;
  style: Style;
  render_status: "pending" | "ready" | "failed";
  last_rendered_at: string | null;
  scan_count: number;
  created_at: string;
  updated_at: string;
  /** Whether the operator took it down: it is archived, and cannot be changed or restored. */
  taken_down: boolean;
}

export interface NewQrCode {
  name: string;
  redirect_url: string;
  project_id?: string;
  slug?: string;
  style?: StyleChange;
}

/**
 * A code that was read may be changed and sent back: read-only fields are ignored while they are unchanged. null clears an
 * optional field.
 */
export interface QrCodeChange extends Partial<Omit<QrCode, "project_id" | "style">> {
  project_id?: string | null;
  style?: StyleChange | null;
}

export interface Project {
  id: string;
  /** The same as `id`. */
  project_id: string;
  name: string;
  description: string;
  is_default: boolean;
  has_custom_domain: boolean;
  created_via: "api" | "dashboard";
  created_at: string;
  updated_at: string;
}

/** A project that was read may be changed and sent back; null clears the description. */
export interface ProjectChange extends Partial<Omit<Project, "description">> {
  description?: string | null;
}

export interface Logo {
  /** What `style.logo` takes. */
  id: string;
  width: number;
  height: number;
  bytes: number;
  created_at: string;
}

export interface Window {
  /** null is unlimited. */
  limit: number | null;
  used: number;
  remaining: number | null;
  resets_at: string;
}

export interface Usage {
  minute: Window;
  day: Window;
}

export interface ScanCounts {
  total: number;
  /** Sum of the visitors of each day. */
  unique_visitors: number;
  interval: "hour" | "day";
  series: { start: string; scans: number; unique_visitors?: number }[];
  by?: "device" | "country" | "referrer";
  values?: { value: string; scans: number }[];
}

export interface ImageOptions {
  format?: "svg" | "png" | "pdf";
  size?: number;
  margin?: number;
  ecc?: "L" | "M" | "Q" | "H";
}

export interface Image {
  content: Uint8Array;
  contentType: string;
  etag: string | null;
}

export interface ScanOptions {
  from?: string;
  to?: string;
  interval?: "hour" | "day";
  by?: "device" | "country" | "referrer";
}
