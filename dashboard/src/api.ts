import type { FieldIssue } from "../../contracts/field-issue.ts";
import { isFromEdge, noteAnswer, probe } from "./connection.ts";
import { fingerprint, randomHex } from "./fingerprint.ts";
import { messages } from "./messages.ts";

export type { FieldIssue };

/** A refusal or a failure, as the edge told it. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: FieldIssue[];
  /** Whole seconds after which the same request can succeed, where the edge said so. */
  readonly retryAfterS: number | undefined;

  constructor(status: number, code: string, message: string, details: FieldIssue[] = [], retryAfterS?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
    this.retryAfterS = retryAfterS;
  }

  /** What is wrong with a field, if something is. */
  issueOf(field: string): string | undefined {
    return this.details.find((detail) => detail.field === field || detail.field.startsWith(`${field}.`))?.issue;
  }
}

interface AnswerHead {
  etag?: string | undefined;
  /** Whether it is the answer to an earlier request with the same idempotency key. */
  replayed?: boolean;
}

export interface Answer<T> extends AnswerHead {
  data: T;
}

/** The answer of a list. */
export interface Page<T> extends AnswerHead {
  items: T[];
  /** Token of the next page; null on the last one. */
  next_page_token: string | null;
}

export interface Account {
  id: string;
  email: string;
  plan: "free" | "pro" | "enterprise";
  per_minute: number | null;
  per_day: number | null;
  created_at: string;
  /** Whether a new password may be set without the one before: there is none, or an operator's link has just signed in. */
  may_set_password: boolean;
  /** Whether the e-mail address can be changed here, by a mail to the new one. */
  may_change_email: boolean;
  csrf_token: string;
  /** Where short URLs begin, and from where they can be opened. */
  short_urls: { base: string; reach: "loopback" | "link-local" | "private" | "public" };
  /** Where abuse of codes is reported, and where owners write about codes that were taken down; null if nothing is set. */
  abuse_contact: string | null;
}

/** Who may make an account: anybody, people with an invitation, or operators alone. */
export type SignUpMode = "open" | "invited" | "closed";

/** Who may make an account, and whether mail is sent: to confirm addresses and to reset passwords. */
export interface SignUp {
  mode: SignUpMode;
  has_mail: boolean;
}

/** What the link of a mail is for. */
export interface MailLink {
  purpose: "sign-up" | "password-reset" | "email-change";
  email: string;
  expires_at: string;
}

export interface Invitation {
  email: string;
  expires_at: string;
}

export interface Key {
  id: string;
  name: string;
  prefix: string;
  last4: string;
  status: "active" | "rotated" | "revoked";
  created_at: string;
  ended_at: string | null;
  last_used_at: string | null;
  age_days: number;
  is_old: boolean;
  is_overdue: boolean;
}

export interface Propagation {
  acknowledged: number;
  waited_out: number;
  elapsed_ms: number;
}

export interface Style {
  foreground: string;
  background: string;
  module_shape: "square" | "dot" | "rounded";
  finder_shape: "square" | "rounded" | "circle";
  /** A picture as a data URL, the id of one that the account has, or null. */
  logo: string | null;
  logo_size: number;
  caption: string | null;
}

export interface Code {
  id: string;
  name: string;
  slug: string;
  status: "active" | "archived";
  project_id: string;
  redirect_url: string;
  short_url: string;
  style: Style;
  scan_count: number;
  created_at: string;
  updated_at: string;
  /** Whether the operator took it down: it cannot be changed or restored. */
  taken_down: boolean;
}

export interface Project {
  id: string;
  name: string;
  description: string;
  is_default: boolean;
  created_via: "api" | "dashboard";
  created_at: string;
}

export interface Scans {
  total: number;
  unique_visitors: number;
  series: { start: string; scans: number; unique_visitors?: number }[];
  values?: { value: string; scans: number }[];
}

/** Active codes of the account; a null maximum is unlimited. */
export interface CodeCount {
  active: number;
  max: number | null;
}

interface Window {
  limit: number | null;
  used: number;
  remaining: number | null;
  resets_at: string;
}

export interface Usage {
  minute: Window;
  day: Window;
  /** Windows of the dashboard. */
  dashboard: { minute: Window; day: Window };
  days: { date: string; used: number }[];
  by_key: { key_id: string | null; admitted: number; refused: number }[];
}

export interface AuditEntry {
  sequence: number;
  time: string;
  actor: string;
  address: string;
  action: string;
  key_id: string | null;
  details: string;
}

export const apiPrefix = "/dashboard/api";
/** How long an answer is waited for, in ms. */
const timeoutMs = 20_000;

let csrfToken = "";

/** Notes what the edge wants to see with every change. */
export function noteCsrfToken(token: string): void {
  csrfToken = token;
}

export interface RequestOptions {
  /** A value that is sent as JSON, or a file. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Asks the edge. Fails with an ApiError, of status 0 if there was no answer. */
export function ask<T>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<T>> {
  return askFor<Answer<T>>(method, path, options);
}

/** Uploads a picture as a logo and returns its id, which styles take. Fails as `ask` does. */
export async function uploadLogo(picture: Blob): Promise<string> {
  return (await ask<{ id: string }>("POST", "/v1/logos", { body: picture })).data.id;
}

/** Asks the edge for a list. Fails as `ask` does. */
export function askPage<T>(method: string, path: string, options: RequestOptions = {}): Promise<Page<T>> {
  return askFor<Page<T>>(method, path, options);
}

async function askFor<Form>(method: string, path: string, options: RequestOptions): Promise<Form & AnswerHead> {
  const response = await request(method, apiPrefix + path, options);
  return {
    ...((await readJson(response)) as Form),
    etag: response.headers.get("etag") ?? undefined,
    replayed: response.headers.has("idempotent-replayed"),
  };
}

/** Reads a file that the edge serves, such as the picture of a code. Fails as `ask` does. */
export async function readFile(url: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await request("GET", url, { signal })).arrayBuffer());
}

async function request(method: string, url: string, options: RequestOptions): Promise<Response> {
  const { body, headers = {}, signal } = options;
  const signals = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])];
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: {
        ...headers,
        ...(method !== "GET" && { "x-csrf-token": csrfToken }),
        ...(body !== undefined && { "content-type": body instanceof Blob ? body.type : "application/json" }),
      },
      ...(body !== undefined && { body: body instanceof Blob ? body : JSON.stringify(body) }),
      signal: AbortSignal.any(signals),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
  if (!isFromEdge(response)) throw unreachable();
  noteAnswer();
  if (response.ok) return response;
  const answer = (await readJson(response)) as { code?: string; message?: string; details?: FieldIssue[] };
  const retryAfterS = Number(response.headers.get("retry-after")) || undefined;
  const text = answer.message ?? `The answer was ${response.status}.`;
  const message = response.status === 429 && retryAfterS ? `${text} ${messages.limits.again(retryAfterS)}` : text;
  throw new ApiError(response.status, answer.code ?? "", message, answer.details, retryAfterS);
}

/** Returns the object that an answer holds; an empty one if it is no JSON. */
async function readJson(response: Response): Promise<unknown> {
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return isJson ? await response.json() : {};
}

function unreachable(): ApiError {
  void probe();
  return new ApiError(0, "unreachable", "QRForge cannot be reached. Check the connection and try again.");
}

/** The data of an answer. */
export async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask<T>("GET", path, { ...(signal && { signal }) })).data;
}

/** The items of all pages of a list, in its order. */
export async function readAll<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let token: string | null = null;
  do {
    const page: Page<T> = await askPage<T>("GET", token ? withPageToken(path, token) : path, { signal });
    items.push(...page.items);
    token = page.next_page_token;
  } while (token);
  return items;
}

function withPageToken(path: string, token: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}next_page_token=${encodeURIComponent(token)}`;
}

/**
 * Keys under which requests of one form are done once, however often they are sent: the same for the same body, and another
 * for another.
 */
export function newIdempotencyKeys(): (body: unknown) => string {
  const form = randomHex();
  return (body) => `${form}-${fingerprint(JSON.stringify(body))}`;
}

/** Where the picture of a code is. */
export function imageUrl(code: Pick<Code, "id" | "updated_at">, query: string): string {
  return `${apiPrefix}/v1/qr-codes/${code.id}/image?${query}&v=${encodeURIComponent(code.updated_at)}`;
}
