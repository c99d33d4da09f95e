import { QrForgeError } from "./errors.ts";
import { type Request, type SendOptions, send } from "./send.ts";
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
export { QrForgeError };

export interface ClientOptions extends Partial<Omit<SendOptions, "baseUrl" | "apiKey">> {
  /** Base URL of the API, such as `https://qr.example.com`. */
  baseUrl: string;
  apiKey: string;
}

/** Options of creating calls. */
export interface CreateOptions {
  /** Idempotency key, so that the request runs only once; a new one for each call if unset. */
  idempotencyKey?: string;
}

export type Client = ReturnType<typeof createClient>;

/** Maximum number of items in one answer of a list. */
const pageSizeMax = 100;

/** A client of one API with one key. Every method fails with a QrForgeError. */
export function createClient(options: ClientOptions) {
  const sending = {
    timeoutMs: 10_000,
    retriesMax: 4,
    pauseMaxMs: 60_000,
    fetch: globalThis.fetch,
    random: Math.random,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  } as SendOptions;

  async function json<T>(request: Request): Promise<T> {
    const { status, bytes } = await send(sending, request);
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw new QrForgeError("The answer is no JSON.", { status, code: "unexpected_answer", cause });
    }
  }
  const get = async <T>(path: string, query?: object) =>
    (await json<{ data: T }>({ method: "GET", path, query: query ?? {}, isRepeatable: true })).data;
  const post = async <T>(path: string, body: unknown, { idempotencyKey = crypto.randomUUID() }: CreateOptions = {}) => {
    const headers = { "idempotency-key": idempotencyKey };
    return await json<T>({ method: "POST", path, body, headers, isRepeatable: true });
  };
  async function* list<T>(path: string, query: object): AsyncGenerator<T, void> {
    let next_page_token: string | null | undefined;
    do {
      const asked: Request = { method: "GET", path, query: { ...query, next_page_token }, isRepeatable: true };
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
    ) => {
      const { pageSize, ...query } = filter;
      return list<QrCode>("/v1/qr-codes", { page_size: pageSize ?? pageSizeMax, ...query });
    },
    createQrCode: async (code: NewQrCode, once?: CreateOptions) =>
      (await post<{ data: QrCode }>("/v1/qr-codes", code, once)).data,
    /** Creates up to 100 codes, all or none. */
    createQrCodes: async (codes: NewQrCode[], once?: CreateOptions) =>
      (await post<{ items: QrCode[] }>("/v1/qr-codes/batch", { qr_codes: codes }, once)).items,
    /** Returns a code by id or slug. */
    getQrCode: (idOrSlug: string) => get<QrCode>(`/v1/qr-codes/${named(idOrSlug)}`),
    /** Changes the given fields; of two edits of the same field the last one wins. */
    async updateQrCode(id: string, change: QrCodeChange): Promise<QrCode> {
      const path = `/v1/qr-codes/${named(id)}`;
      // Setting fields is idempotent. Archiving together with an edit is not, since archived codes reject edits.
      const isRepeatable = change.status !== "archived" || Object.keys(change).length === 1;
      return (await json<{ data: QrCode }>({ method: "PATCH", path, body: change, isRepeatable })).data;
    },
    async getQrCodeImage(idOrSlug: string, query: ImageOptions = {}): Promise<Image> {
      const path = `/v1/qr-codes/${named(idOrSlug)}/image`;
      const answer = await send(sending, { method: "GET", path, query, isRepeatable: true });
      return {
        content: answer.bytes,
        contentType: answer.headers.get("content-type") ?? "",
        etag: answer.headers.get("etag"),
      };
    },
    countScans: (idOrSlug: string, query: ScanOptions = {}) =>
      get<ScanCounts>(`/v1/qr-codes/${named(idOrSlug)}/scans`, query),
    listProjects: ({ pageSize = pageSizeMax }: { pageSize?: number } = {}) =>
      list<Project>("/v1/projects", { page_size: pageSize }),
    createProject: async (project: { name: string; description?: string }, once?: CreateOptions) =>
      (await post<{ data: Project }>("/v1/projects", project, once)).data,
    /** Changes the given fields of a project. */
    async updateProject(id: string, body: ProjectChange): Promise<Project> {
      const path = `/v1/projects/${named(id)}`;
      return (await json<{ data: Project }>({ method: "PATCH", path, body, isRepeatable: true })).data;
    },
    getProject: (id: string) => get<Project>(`/v1/projects/${named(id)}`),
    /** Yields the logos of the account, newest first. */
    listLogos: ({ pageSize = pageSizeMax }: { pageSize?: number } = {}) =>
      list<Logo>("/v1/logos", { page_size: pageSize }),
    /** Uploads a PNG, JPEG or SVG of at most 1 MiB, whose id styles take. It is deleted if no code has it for a day. */
    async createLogo(picture: Blob, { idempotencyKey = crypto.randomUUID() }: CreateOptions = {}): Promise<Logo> {
      const headers = { "idempotency-key": idempotencyKey, "content-type": picture.type };
      const request: Request = { method: "POST", path: "/v1/logos", body: picture, headers, isRepeatable: true };
      return (await json<{ data: Logo }>(request)).data;
    },
    getUsage: () => get<Usage>("/v1/usage"),
  };
}
