import { invalidOption, QrForgeError } from "./errors.ts";
import type { RateLimit } from "./rate-limits.ts";
import { type Answer, type Request, requireUsable, type SendOptions, send } from "./send.ts";
import type {
  Image,
  ImageOptions,
  Logo,
  NewQrCode,
  Project,
  ProjectChange,
  QrCode,
  QrCodeChange,
  ScanCounts,
  ScanOptions,
  Usage,
} from "./types.ts";

export type * from "./types.ts";
export { QrForgeError, type RateLimit };

export interface ClientOptions extends Partial<Omit<SendOptions, "baseUrl" | "apiKey">> {
  /** Base URL of the API, such as `https://qr.example.com`. */
  baseUrl: string;
  apiKey: string;
}

/** Options of every call. */
export interface CallOptions {
  /** Ends the call, retries included; the call then fails with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of changing calls. */
export interface ChangeOptions extends CallOptions {
  /** ETag of the revision to change, from `etagOf`; the call fails with `precondition_failed` if there is a newer one. */
  ifMatch?: string | undefined;
}

/** Options of creating calls. */
export interface CreateOptions extends CallOptions {
  /** Idempotency key, so that the request runs only once; a new one for each call if unset. */
  idempotencyKey?: string;
}

export type Client = ReturnType<typeof createClient>;

/** Maximum number of items in one answer of a list. */
const pageSizeMax = 100;

const etags = new WeakMap<object, string>();

/** Returns the ETag of a code as it was read, created or changed; undefined for codes of lists, and for copies. */
export function etagOf(code: QrCode): string | undefined {
  return etags.get(code);
}

/**
 * A client of one API with one key. Throws a QrForgeError if `baseUrl` or `apiKey` cannot be used. Every method fails with a
 * QrForgeError, or with the reason of its signal.
 */
export function createClient(options: ClientOptions) {
  requireUsable(options);
  const sending = {
    timeoutMs: 10_000,
    retriesMax: 4,
    pauseMaxMs: 60_000,
    fetch: globalThis.fetch,
    random: Math.random,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  } as SendOptions;

  const json = async <T>(request: Request) => parse<T>(await send(sending, request));
  /** Returns the data of an answer, and keeps its ETag. */
  async function data<T extends object>(request: Request): Promise<T> {
    const answer = await send(sending, request);
    const { data } = parse<{ data: T }>(answer);
    const etag = answer.headers.get("etag");
    if (etag !== null) etags.set(data, etag);
    return data;
  }
  const get = <T extends object>(path: string, { signal }: CallOptions = {}, query: object = {}) =>
    data<T>({ method: "GET", path, query, isRepeatable: true, signal });
  const posted = (path: string, body: unknown, options: CreateOptions = {}, type?: string): Request => {
    const { idempotencyKey = crypto.randomUUID(), signal } = options;
    if (!/^[!-~]{1,255}$/.test(idempotencyKey)) {
      throw invalidOption("idempotencyKey", "must be 1 to 255 visible ASCII characters");
    }
    const headers = { "idempotency-key": idempotencyKey, ...(type !== undefined && { "content-type": type }) };
    return { method: "POST", path, body, headers, isRepeatable: true, signal };
  };
  async function* list<T>(path: string, query: object, { signal }: CallOptions = {}): AsyncGenerator<T, void> {
    let next_page_token: string | null | undefined;
    do {
      const asked: Request = { method: "GET", path, query: { ...query, next_page_token }, isRepeatable: true, signal };
      const page = await json<{ items: T[]; next_page_token: string | null }>(asked);
      yield* page.items;
      ({ next_page_token } = page);
    } while (next_page_token);
  }
  const named = (id: string) => encodeURIComponent(id);

  return {
    /** Yields all codes, newest first; fetches pages on demand. */
    listQrCodes: (
      filter: { project_id?: string; status?: "active" | "archived" | "all"; q?: string; pageSize?: number } = {},
      options?: CallOptions,
    ) => {
      const { pageSize, ...query } = filter;
      return list<QrCode>("/v1/qr-codes", { page_size: pageSize ?? pageSizeMax, ...query }, options);
    },
    createQrCode: async (code: NewQrCode, options?: CreateOptions) =>
      await data<QrCode>(posted("/v1/qr-codes", code, options)),
    /** Creates up to 100 codes, all or none. */
    createQrCodes: async (codes: NewQrCode[], options?: CreateOptions) =>
      (await json<{ items: QrCode[] }>(posted("/v1/qr-codes/batch", { qr_codes: codes }, options))).items,
    /** Returns a code by id or slug. */
    getQrCode: (idOrSlug: string, options?: CallOptions) => get<QrCode>(`/v1/qr-codes/${named(idOrSlug)}`, options),
    /** Changes the given fields; of two edits of the same field the last one wins, unless `ifMatch` is given. */
    async updateQrCode(id: string, body: QrCodeChange, { ifMatch, signal }: ChangeOptions = {}): Promise<QrCode> {
      const path = `/v1/qr-codes/${named(id)}`;
      // Setting fields is idempotent. Archiving together with an edit is not, since archived codes reject edits.
      // Nor is a change of one revision, which the change itself replaces.
      const isRepeatable = ifMatch === undefined && (body.status !== "archived" || Object.keys(body).length === 1);
      const headers = ifMatch === undefined ? {} : { "if-match": ifMatch };
      return await data<QrCode>({ method: "PATCH", path, body, headers, isRepeatable, signal });
    },
    async getQrCodeImage(idOrSlug: string, query: ImageOptions = {}, { signal }: CallOptions = {}): Promise<Image> {
      const path = `/v1/qr-codes/${named(idOrSlug)}/image`;
      const answer = await send(sending, { method: "GET", path, query, isRepeatable: true, signal });
      return {
        content: answer.bytes,
        contentType: answer.headers.get("content-type") ?? "",
        etag: answer.headers.get("etag"),
      };
    },
    countScans: (idOrSlug: string, query: ScanOptions = {}, options?: CallOptions) =>
      get<ScanCounts>(`/v1/qr-codes/${named(idOrSlug)}/scans`, options, query),
    listProjects: ({ pageSize = pageSizeMax }: { pageSize?: number } = {}, options?: CallOptions) =>
      list<Project>("/v1/projects", { page_size: pageSize }, options),
    createProject: async (project: { name: string; description?: string }, options?: CreateOptions) =>
      await data<Project>(posted("/v1/projects", project, options)),
    /** Changes the given fields of a project. */
    async updateProject(id: string, body: ProjectChange, { signal }: CallOptions = {}): Promise<Project> {
      return await data<Project>({
        method: "PATCH",
        path: `/v1/projects/${named(id)}`,
        body,
        isRepeatable: true,
        signal,
      });
    },
    getProject: (id: string, options?: CallOptions) => get<Project>(`/v1/projects/${named(id)}`, options),
    /** Yields the logos of the account, newest first. */
    listLogos: ({ pageSize = pageSizeMax }: { pageSize?: number } = {}, options?: CallOptions) =>
      list<Logo>("/v1/logos", { page_size: pageSize }, options),
    /** Uploads a PNG, JPEG or SVG of at most 1 MiB, whose id styles take. It is deleted if no code has it for a day. */
    createLogo: async (picture: Blob, options?: CreateOptions) =>
      await data<Logo>(posted("/v1/logos", picture, options, picture.type)),
    getUsage: (options?: CallOptions) => get<Usage>("/v1/usage", options),
  };
}

function parse<T>({ status, bytes }: Answer): T {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new QrForgeError("The answer is no JSON.", { status, code: "unexpected_answer", cause });
  }
}
